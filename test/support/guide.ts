/** A guide's commands, as somebody runs them who reads it from top to bottom. */

export interface GuideStep {
  /** Shell commands. */
  readonly commands: string;
  /** What they print, where the guide says so; `…` stands for anything. */
  readonly output: string | undefined;
}

/** Every block of shell commands, with the block of plain text that follows it before the next one. */
export function guideSteps(markdown: string): readonly GuideStep[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", text = ""]) => ({
      language,
      text,
    }),
  );
  return blocks.flatMap(({ language, text }, index) => {
    if (language !== "sh") return [];
    const next = blocks[index + 1];
    return [{ commands: text, output: next?.language === "" ? next.text : undefined }];
  });
}

/** The flags of `bin/sluice start …` in a block; undefined where it starts none. */
export function startFlags(commands: string): readonly string[] | undefined {
  const line = commands.split("\n").find((each) => each.startsWith("bin/sluice start"));
  return line?.replace(/#.*$/, "").trim().split(/\s+/).slice(2);
}

/** What an output must look like. */
export function outputPattern(output: string): RegExp {
  const parts = output.trim().split("…").map(escaped);
  return new RegExp(`^${parts.join("[^\\n]+?")}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
