/** nginx as a reverse proxy: one worker, connections to the upstream kept, access log on, as a careful operator has it. */
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/support/free-port.ts";
import { isOnPath, processTree } from "../machine.ts";
import { startChild } from "./child.ts";
import { type Side, type SideContext, usualPromptCount } from "./side.ts";

/** Undefined where there is no nginx on the PATH. */
export async function startNginx({ upstreamPort, folder, pinning }: SideContext): Promise<Side | undefined> {
  if (!isOnPath("nginx")) return undefined;
  const own = join(folder, "nginx");
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const config = join(own, "nginx.conf");
  writeFileSync(config, nginxConfig(own, port, upstreamPort));
  const child = await startChild({
    name: "nginx",
    command: "nginx",
    args: ["-p", own, "-e", join(own, "error.log"), "-c", config],
    cores: pinning && [pinning.proxyCore],
    port,
    output: join(own, "stdout.log"),
    errors: join(own, "stderr.log"),
  });
  return {
    name: "nginx",
    port,
    headers: {},
    pids: await masterAndWorker(child.pid),
    promptCount: usualPromptCount,
    tidy: () => truncateSync(join(own, "access.log")),
    stop: child.stop,
  };
}

/** The master listens before it has started its worker. Without `/proc` there is only the master to see. */
async function masterAndWorker(master: number): Promise<readonly number[]> {
  for (let tries = 0; tries < 50; tries++) {
    const pids = processTree(master);
    if (pids.length > 1) return pids;
    await sleep(20);
  }
  return [master];
}

function nginxConfig(folder: string, port: number, upstreamPort: number): string {
  return `
worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log ${folder}/access.log combined buffer=64k flush=1s;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  upstream model {
    server 127.0.0.1:${upstreamPort};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
