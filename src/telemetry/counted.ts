/** What of an exchange is counted under Kong's names. Ours, under `sluice_`, are counted for every exchange. */

export interface Counted {
  /** Requests by status. */
  readonly status: boolean;
  readonly latency: boolean;
  readonly bandwidth: boolean;
  /** Requests, tokens, cost and latency of models. */
  readonly ai: boolean;
  /** Say who called; else the label `consumer` is empty. */
  readonly perConsumer: boolean;
}

export const everything: Counted = {
  status: true,
  latency: true,
  bandwidth: true,
  ai: true,
  perConsumer: true,
};

export const nothing: Counted = {
  status: false,
  latency: false,
  bandwidth: false,
  ai: false,
  perConsumer: false,
};
