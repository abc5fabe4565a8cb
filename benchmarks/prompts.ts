/** Prompts of plain English words: distinct, deterministic, about many things. */
import { seededRandom } from "../src/simulator/text/random.ts";

/** Frequent in questions to assistants; from many subjects, so that prompts fall near different descriptions. */
const vocabulary = `
about account add address afternoon album algorithm allocate analysis animal answer api apple application argument array
article artist async atom average backup bake balance bank basic batch battery beach because bill bird blog board body
book bread bridge browser budget bug build button cache calculate calendar camera canvas carbon career cell change chart
cheese chemistry chicken city class clean client cloud cluster coast code coffee column compare compile computer concert
config connect contract cook copy corporate country course cover crash create curve customer dance data database date
debug decision decorator define delete deploy design device diagram dictionary diet difference digital dinner disk doctor
document domain dragon drive driver earth economy editor electron email employee encrypt energy engine english error
essay event example exception exercise explain export factor family fast fetch fiction file film filter finance firewall
fish flight flower folder forecast forest format formula forest fraction framework friend function future galaxy game
garden generate gift grammar graph group growth guide guitar handle hardware headache health heart hello history holiday
home hotel house idea image import improve index inflation input install integral interview invoice island issue iterator
java job join journey json kernel keyboard kitchen kubernetes laptop law learn letter library light limit list litre loan
local lock login loop love lunch machine manager map market matrix meal meeting memory menu message method minute mobile
model module monitor month moon mortgage mountain mouse museum music name nature network neural night novel number object
ocean office optimise orange order outlook output oven package page painting paper parser password patient payment phone
photo physics piano picture plan planet plant poem policy port price print printer process profit program project protein
protocol proxy python quantum query question queue rain random read recipe recursion refund regex remote report request
research reset resume return review rhyme rice river road robot rocket route rule safety salary sales salt sample scale
schedule school science script search season secret sentence server session shell shop signal skill sleep slow snippet
snow software solar soldier song sort sound space speed spring sql stack staff star stock story stream street string
student style summary summer sun support system table tax teacher team temperature tenant test text theory thread ticket
time token tour train translate travel tree type update user vaccine value variable vector version video view virus visa
vpn wallet water weather web weekend wifi window winter word work world write year yoga`
  .trim()
  .split(/\s+/);

const connectives =
  "a the to of in for and with my how is on from what can when this that by do I it not or if why".split(" ");

/** `count` prompts of `wordCount` words, no two alike; the same for the same seed. */
export function createPrompts(count: number, { wordCount = 30, seed = 1 } = {}): string[] {
  const random = seededRandom(seed);
  const from = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? "";
  const prompts = new Set<string>();
  while (prompts.size < count) {
    const words = Array.from({ length: wordCount }, () => from(random() < 0.4 ? connectives : vocabulary));
    prompts.add(`${words.join(" ")}?`);
  }
  return [...prompts];
}
