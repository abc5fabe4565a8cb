/** A config file that parts are taken out of, while its comments, its order and its variables stay as they were written. */
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Path } from "../../config/problem.ts";
import { substitute } from "../../config/substitution.ts";

/** Where a part stood in the file as it was read. */
export interface Place {
  readonly path: Path;
  /** From 1; undefined for what the file did not have. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

export class SourceDocument {
  readonly #document: Document;
  readonly #expressions: readonly string[];
  /** Stands for one `${{ … }}` while the file is a tree: a plain word in every place where text may stand. */
  readonly #token: RegExp;
  readonly #lines = new LineCounter();
  readonly #origins = new WeakMap<object, Path>();
  /** Aliases and merge keys that were written out. */
  readonly aliases: number;

  /** Of a text that the loader has read as a block of fields. */
  constructor(text: string) {
    const { substitutions } = substitute(text, {});
    this.#expressions = substitutions.map(({ end, start }) => text.slice(start, end));
    const word = unusedWord(text);
    this.#token = new RegExp(`${word}-(\\d+)-`, "g");
    let marked = "";
    let position = 0;
    for (const [index, { end, start }] of substitutions.entries()) {
      marked += `${text.slice(position, start)}${word}-${index}-`;
      position = end;
    }
    this.#document = parseDocument(marked + text.slice(position), {
      uniqueKeys: false,
      logLevel: "error",
      lineCounter: this.#lines,
    });
    this.aliases = writeOut(this.#document);
    if (text.trimStart().startsWith("{")) toBlocks(this.#document);
    this.#remember(this.#document.contents, []);
  }

  /** The file as it is now. */
  text(): string {
    return this.#restore(this.#document.toString({ lineWidth: 0, flowCollectionPadding: false }));
  }

  /** The same as JSON, which has no place for comments. */
  json(): string {
    return `${this.#restore(JSON.stringify(this.#document.toJS(), null, 2), (text) => JSON.stringify(text).slice(1, -1))}\n`;
  }

  /** Plain values; variables are words that stand for them. */
  value(path: Path): unknown {
    const node = this.#at(path);
    return node === undefined ? undefined : node.toJS(this.#document);
  }

  /** Does a variable or a vault give this value, or part of it? */
  expressionsIn(path: Path): readonly string[] {
    const node = this.#at(path);
    if (!isScalar(node) || typeof node.value !== "string") return [];
    const variables = [...node.value.matchAll(this.#token)].map(
      ([, index]) => this.#expressions[Number(index)] ?? "",
    );
    return node.value.includes("{vault://") ? [...variables, node.value] : variables;
  }

  /** Where what is now at `path`, or what is around it, stood. */
  placeOf(path: Path): Place {
    for (let length = path.length; length >= 0; length--) {
      const node = this.#at(path.slice(0, length));
      const origin = node === undefined ? undefined : this.#origins.get(node);
      if (origin === undefined || node === undefined) continue;
      const start = this.#keyOf(path.slice(0, length))?.range?.[0] ?? node.range?.[0];
      const { col, line } =
        start === undefined ? { line: undefined, col: undefined } : this.#lines.linePos(start);
      return { path: [...origin, ...path.slice(length)], line, column: col };
    }
    return { path, line: undefined, column: undefined };
  }

  /** Puts a value in the place of another, or a new field at the top. */
  set(path: Path, value: unknown): void {
    const node = this.#at(path);
    if (isScalar(node)) node.value = value;
    else this.#document.setIn(path, value);
  }

  /** A text in quotes, as the first field of the file where it is new. */
  setText(name: string, value: string): void {
    const scalar = new Scalar(value);
    scalar.type = Scalar.QUOTE_DOUBLE;
    const root = this.#document.contents;
    const isNew = this.#at([name]) === undefined;
    if (isNew && isMap(root)) root.items.unshift(this.#document.createPair(name, scalar) as Pair<Node, Node>);
    else this.#document.set(name, scalar);
  }

  /** Takes out what is at `path`, and says so in a comment at its place. A list that gets empty goes with its last entry. */
  remove(path: Path, comment: string): boolean {
    const parent = this.#at(path.slice(0, -1));
    const step = path.at(-1);
    if (!isMap(parent) && !isSeq(parent)) return false;
    const index = isSeq(parent) ? Number(step) : lastWith(parent, String(step));
    const item = parent.items[index];
    if (item === undefined) return false;
    const told = joined(anchorOf(item)?.commentBefore, comment);
    if (parent.items.length === 1 && isSeq(parent))
      return this.remove(path.slice(0, -1), joined(joined(parent.commentBefore, told), parent.comment));
    parent.items.splice(index, 1);
    const anchor = anchorOf(parent.items[index]);
    if (anchor === undefined) parent.comment = joined(told, parent.comment);
    else anchor.commentBefore = joined(told, anchor.commentBefore);
    return true;
  }

  #restore(text: string, write = (expression: string) => expression): string {
    return text.replace(this.#token, (_, index) => write(this.#expressions[Number(index)] ?? ""));
  }

  #at(path: Path): Node | undefined {
    let node: unknown = this.#document.contents;
    for (const step of path) {
      if (isMap(node)) node = node.items[firstWith(node, String(step))]?.value;
      else if (isSeq(node)) node = node.items[Number(step)];
      else return undefined;
    }
    return isCollection(node) || isScalar(node) ? node : undefined;
  }

  #keyOf(path: Path): Node | undefined {
    const parent = this.#at(path.slice(0, -1));
    const key = isMap(parent) ? parent.items[firstWith(parent, String(path.at(-1)))]?.key : undefined;
    return isScalar(key) ? key : undefined;
  }

  #remember(node: unknown, path: Path): void {
    if (isCollection(node) || isScalar(node)) this.#origins.set(node, path);
    if (isSeq(node)) for (const [index, item] of node.items.entries()) this.#remember(item, [...path, index]);
    if (isMap(node)) for (const { key, value } of node.items) this.#remember(value, [...path, nameOf(key)]);
  }
}

/** What a comment before an item or a field hangs on. */
function anchorOf(item: unknown): YAMLMap | YAMLSeq | Scalar | undefined {
  const node = isPair(item) ? item.key : item;
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}

/** A word that the text does not have in it. */
function unusedWord(text: string): string {
  let word = "sluice-variable";
  while (text.includes(word)) word += "-x";
  return word;
}

/** Puts copies in the place of aliases and merge keys, since what they stand for may be taken out. */
function writeOut(document: Document): number {
  let count = 0;
  visit(document, {
    Alias(_, node) {
      count += 1;
      const meant = node.resolve(document);
      if (meant === undefined)
        throw new Error(`*${node.source} refers to an anchor that is not defined before it`);
      return meant.clone() as Node;
    },
    Map(_, node) {
      count += mergeKeys(node, document);
    },
  });
  if (count > 0) visit(document, { Node: (_, node) => void (isAlias(node) || delete node.anchor) });
  return count;
}

/** YAML's merge key fills in the fields that are not there. How many there were: one or none. */
function mergeKeys(map: YAMLMap, document: Document): number {
  const at = firstWith(map, "<<");
  if (at < 0) return 0;
  const [merge] = map.items.splice(at, 1);
  const source = isAlias(merge?.value) ? merge.value.resolve(document) : merge?.value;
  for (const each of isSeq(source) ? (source as YAMLSeq).items : [source]) {
    const block = isAlias(each) ? each.resolve(document) : each;
    if (!isMap(block)) continue;
    for (const pair of block.items)
      if (firstWith(map, nameOf(pair.key)) < 0) map.items.push(pair.clone() as Pair);
  }
  return 1;
}

/** JSON is YAML, but not what one would like to edit. */
function toBlocks(document: Document): void {
  visit(document, {
    Collection(_, node) {
      node.flow = node.items.length === 0;
    },
  });
}

function firstWith(map: YAMLMap, name: string): number {
  return map.items.findIndex(({ key }) => nameOf(key) === name);
}

/** Of a field that is given twice, the first stands. */
function lastWith(map: YAMLMap, name: string): number {
  return map.items.findLastIndex(({ key }) => nameOf(key) === name);
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function joined(first: string | null | undefined, second: string | null | undefined): string {
  return [first, second].filter((text) => text !== undefined && text !== null && text !== "").join("\n");
}
