<?php

declare(strict_types=1);

// For programs without Composer: loads the classes of Dues when they are first named.
spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Dues\\')) {
        $file = __DIR__ . '/src/' . strtr(substr($class, 5), '\\', '/') . '.php';
        if (is_file($file)) {
            require $file;
        }
    }
});
