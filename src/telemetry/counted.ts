/** What is counted under Kong's names. Ours, under `sluice_`, are counted for every exchange. */

export interface Counted {
  /** Requests by status. */
  readonly status: boolean;
  readonly latency: boolean;
  readonly bandwidth: boolean;
  /** Requests, tokens, cost and latency of models. */
  readonly ai: boolean;
  /** How the targets of upstreams are, whoever asks for them. */
  readonly upstreams: boolean;
  /** Say who called; else the label `consumer` is empty. */
  readonly perConsumer: boolean;
}

export const everything: Counted = {
  status: true,
  latency: true,
  bandwidth: true,
  ai: true,
  upstreams: true,
  perConsumer: true,
};

export const nothing: Counted = {
  status: false,
  latency: false,
  bandwidth: false,
  ai: false,
  upstreams: false,
  perConsumer: false,
};
