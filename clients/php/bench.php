<?php

declare(strict_types=1);

// What a call by the client costs, beside the same bytes on a bare socket and a GET by PHP's usual HTTP client:
//
//     php bench.php --tcp 127.0.0.1:7171 --http http://127.0.0.1:7172/healthz

use Dues\Client;

require __DIR__ . '/autoload.php';

['tcp' => $tcp, 'http' => $http] = getopt('', ['tcp:', 'http:']);

$context = stream_context_create(['socket' => ['tcp_nodelay' => true]]);
$socket = stream_socket_client("tcp://$tcp", timeout: 10, context: $context);
$params = ['customerId' => 'cus_bench', 'productId' => 'prod_bench'];
$line = json_encode(['jsonrpc' => '2.0', 'id' => 1, 'method' => 'CheckAccess', 'params' => $params]) . "\n";
$bare = function () use ($socket, $line): void {
    fwrite($socket, $line);
    str_ends_with(fgets($socket), "}\n") || throw new RuntimeException('The server went away.');
};

$dues = new Client("tcp://$tcp");
$client = function () use ($dues, $params): void {
    $dues->checkAccess(...$params);
};

$get = function () use ($http): void {
    json_decode(file_get_contents($http), flags: JSON_THROW_ON_ERROR);
};

$samples = [];
foreach (['bare' => $bare, 'client' => $client, 'http' => $get] as $call) {
    for ($i = 0; $i < 500; $i++) {
        $call();
    }
}
for ($round = 0; $round < 10; $round++) {
    foreach (['bare' => $bare, 'client' => $client, 'http' => $get] as $name => $call) {
        for ($i = 0; $i < 200; $i++) {
            $begun = hrtime(true);
            $call();
            $samples[$name][] = hrtime(true) - $begun;
        }
    }
}
$medians = [];
foreach ($samples as $name => $times) {
    sort($times);
    $medians["{$name}Microseconds"] = round($times[intdiv(count($times), 2)] / 1000, 1);
}
echo json_encode($medians), "\n";
$dues->close();
