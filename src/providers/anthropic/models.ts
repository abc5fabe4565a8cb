/** What the vendor's models differ in, told by their names. */

export interface ModelFacts {
  /** temperature, top_p and top_k are accepted. */
  readonly acceptsSampling: boolean;
  /** temperature and top_p are accepted together. */
  readonly acceptsTemperatureWithTopP: boolean;
  /** `output_config.format` and `strict` tools are accepted. */
  readonly hasStructuredOutput: boolean;
  /** Values of `output_config.effort`; none where there is no such setting. */
  readonly efforts: readonly string[];
}

const unknownVersion = Number.POSITIVE_INFINITY;

/**
 * Facts from the vendor's model pages: 4.1 began to refuse temperature with top_p, 4.7 refuses all sampling parameters;
 * structured output is generally available from 4.5, effort (without a beta header) from 4.6 and `xhigh` from 4.7.
 * A name without a version, such as a private deployment's, loses nothing: the vendor may still refuse it.
 */
export function modelFacts(name: string): ModelFacts {
  const version = readVersion(name);
  const isKnown = version !== unknownVersion;
  return {
    acceptsSampling: !isKnown || version < 407,
    acceptsTemperatureWithTopP: !isKnown || version < 401,
    hasStructuredOutput: version >= 405,
    efforts: version >= 407 ? ["low", "medium", "high", "xhigh", "max"] : effortsBefore47(version),
  };
}

function effortsBefore47(version: number): readonly string[] {
  return version >= 406 ? ["low", "medium", "high", "max"] : [];
}

/** `claude-opus-4-1-20250805` → 401, `claude-3-5-sonnet-latest` → 305, `claude-2.1` → 201. A date is not a version. */
function readVersion(name: string): number {
  const found = /claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/.exec(name);
  return found ? Number(found[1]) * 100 + Number(found[2] ?? 0) : unknownVersion;
}
