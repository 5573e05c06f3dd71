/** What a call costs: on a bare socket, by the client, and beside them a GET by fetch. Medians, in microseconds. */
import { once } from "node:events";
import net from "node:net";
import { parseArgs } from "node:util";
import { Dues } from "dues";

const { values: flags } = parseArgs({ options: { tcp: { type: "string" }, http: { type: "string" } } });
const { hostname: host, port } = new URL(`tcp://${flags.tcp}`);
const params = { customerId: "cus_bench", productId: "prod_bench" };

const socket = net.connect({ host, port: Number(port), noDelay: true }).setEncoding("utf8");
await once(socket, "connect");
const line = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "CheckAccess", params }) + "\n";
let text = "";
let answered;
socket.on("data", (chunk) => {
  text += chunk;
  if (!text.endsWith("\n")) return;
  text = "";
  answered();
});

const dues = await Dues.connect({ host, port: Number(port) });

const ways = {
  bare: () => new Promise((resolve) => {
    answered = resolve;
    socket.write(line);
  }),
  client: () => dues.checkAccess(params),
  http: async () => (await fetch(flags.http)).json(),
};

async function measure(way, times) {
  const taken = [];
  for (let time = 0; time < times; time++) {
    const begun = performance.now();
    await way();
    taken.push((performance.now() - begun) * 1000);
  }
  return taken;
}

for (const way of Object.values(ways)) await measure(way, 500);
const taken = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round < 10; round++) {
  for (const [name, way] of Object.entries(ways)) taken[name].push(...(await measure(way, 200)));
}
const median = (values) => Math.round(values.sort((a, b) => a - b)[values.length >> 1] * 10) / 10;
console.log(JSON.stringify(Object.fromEntries(
  Object.entries(taken).map(([name, values]) => [`${name}Microseconds`, median(values)]))));
await dues.close();
socket.destroy();
