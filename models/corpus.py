"""Builds the training text: English strings for the teachers, and (student text, English string) pairs.

Usage: python corpus.py SOURCES OUT   (SOURCES: the unpacked packages listed in README.md; OUT: a folder)
Everything random comes from one seed, so the same packages give the same files.
"""
import glob, gzip, json, os, random, re, struct, sys
from wordfreq import top_n_list, zipf_frequency

SEED = 20261122
LANGUAGES = {"de": "de", "es": "es", "pt_BR": "pt", "fr": "fr", "it": "it"}
HERE = os.path.dirname(os.path.abspath(__file__))

ACTION = ["how do i {}", "how can i {}?", "how to {}", "can you {}", "can you help me {}", "i want to {}", "i need to {}",
          "please {}", "{}", "{} please", "what is the best way to {}?", "could you {} for me", "is it possible to {}",
          "what are the steps to {}", "help me {}", "i would like to {}", "teach me to {}", "let's {}", "show me how to {}",
          "what do i have to do to {}?", "tell me how i should {}", "would you {}", "Why can't I {}?", "{} right now", "i have no idea how to {}"]
THING = ["what is {}", "what is a {}?", "tell me about {}", "explain {}", "{}", "i have a question about {}", "how does {} work?",
         "where can i find {}", "show me my {}", "problem with my {}", "my {} does not work", "how much is {}", "what's my {}",
         "i need information on {}", "can you tell me about the {}", "why is my {} so bad", "give me an example of {}",
         "what are the different kinds of {}", "help with {}", "when do i need {}", "how do i use {}", "who invented the {}",
         "i want to know more about {}", "what do i do about the {}", "is {} good or bad", "check my {}", "find me a good {}"]
SAID = ["{}", "{}?", "help, {}", "hey, {}", "can you tell me, {}", "{}, what should i do?", "um {}", "{} please"]
DESCRIPTION = ["{}", "requests related to {}", "Requests related to {}", "specialist in {}", "Specialist in {}", "expert in {}",
               "Expert in {}.", "questions about {}", "Questions about {}.", "all {} questions", "All {} questions.", "{} expert",
               "anything about {}", "handles {} requests", "Handles questions about {}.", "prompts about {}", "tasks related to {}",
               "{} help and advice", "everything to do with {}", "A model specialised in {}", "answers {} questions",
               "helps users with {}", "topics such as {}", "{} assistant", "the user asks about {}", "queries regarding {}", "good at {}"]


def clean(text):
    text = re.sub(r"&[a-z]+;|[_&](?=\w)|<[^>]{1,40}>", "", text)
    return re.sub(r"\s+", " ", text).strip()


class Corpus:
    def __init__(self):
        self.index, self.english, self.pairs = {}, [], []
        self.topics, self.kinds = [], []

    def target(self, text):
        if text not in self.index:
            self.index[text] = len(self.english)
            self.english.append(text)
        return self.index[text]

    def add(self, student, english=None, kind="text", topic=-1):
        """One pair. `english` may be a list: its mean is the target."""
        sources = english if isinstance(english, list) else [english or student]
        self.pairs.append((student, [self.target(s) for s in sources], kind, topic))


def read_topics():
    lines = [l.strip() for l in open(os.path.join(HERE, "topics.txt"), encoding="utf-8")]
    for line in lines:
        if line and not line.startswith("#"):
            yield [[p.strip() for p in part.split(";") if p.strip()] for part in line.split("|")]


def synthetic(c, rnd):
    for topic, (names, things, actions, said) in enumerate(read_topics()):
        for name in names:
            names_target = [name, f"questions about {name}", f"help with {name}"]
            for t in DESCRIPTION:
                c.add(t.format(name), names_target, "description", topic)
        for _ in range(40):
            some = rnd.sample(things, min(len(things), rnd.randint(2, 4)))
            listed = ", ".join(some[:-1]) + " and " + some[-1]
            c.add(rnd.choice(["", rnd.choice(names) + ": ", rnd.choice(names) + ", "]) + listed, None, "description", topic)
        for thing in things:
            for t in rnd.sample(DESCRIPTION, 5):
                c.add(t.format(thing), [thing, f"questions about {thing}"], "text", topic)
            for t in rnd.sample(THING, 12):
                c.add(t.format(thing), None, "query", topic)
        for action in actions:
            for t in rnd.sample(ACTION, 13):
                c.add(t.format(action), None, "query", topic)
        for s in said:
            for t in rnd.sample(SAID, 6):
                c.add(t.format(s), None, "query", topic)
        for _ in range(220):
            a, b = rnd.choice(ACTION).format(rnd.choice(actions)), rnd.choice(things)
            joint = rnd.choice([f"{a} with {b}", f"{a}, i have a {b}", f"{a} for my {b}", f"{a}. {rnd.choice(said)}",
                                f"{rnd.choice(said)}, {a}", f"{rnd.choice(THING).format(b)} and {rnd.choice(actions)}"])
            c.add(joint, None, "query", topic)


def wordnet(c, rnd, root):
    nouns = []
    for pos in ("noun", "verb", "adj", "adv"):
        for line in open(f"{root}/wordnet-base/usr/share/wordnet/data.{pos}", encoding="utf-8"):
            if line.startswith("  ") or "|" not in line:
                continue
            words = [w.replace("_", " ") for w in line.split()[4:4 + 2 * int(line.split()[3], 16):2]]
            gloss, *examples = [g.strip(' "\n') for g in re.split(r'; (?=")', line.split("|", 1)[1])]
            gloss = gloss.split(";")[0]
            if pos == "noun" and zipf_frequency(words[0], "en") > 2.6 and not words[0][0].isupper():
                nouns.append((words[0], gloss))
            if len(gloss.split()) > 3 and rnd.random() < 0.22:
                c.add(rnd.choice(["", words[0] + ": "]) + gloss)
            for e in examples:
                if len(e.split()) > 2 and rnd.random() < 0.7:
                    c.add(e)
    for noun in sorted({n for n, _ in nouns}):
        c.add(rnd.choice(THING).format(noun))
        for t in rnd.sample(DESCRIPTION, 1):
            c.add(t.format(noun), [noun, f"questions about {noun}"])


def dictionaries(c, rnd, root):
    text = lambda n: gzip.open(glob.glob(f"{root}/dict-{n}/usr/share/dictd/*.dict.dz")[0], "rt", encoding="utf-8", errors="replace")
    for entry in re.split(r"\n(?=\S)", text("foldoc").read()):
        head, _, body = entry.partition("\n")
        body = clean(re.sub(r"<[^>]+>|[{}]|\([^)]*\)", " ", body)).split(". ")[0]
        if 4 < len(body.split()) < 40:
            c.add(f"{head}: {body}" if rnd.random() < 0.6 else body)
        if len(head) < 40 and rnd.random() < 0.5:
            c.add(rnd.choice(THING).format(head))
    for name, lang, forward in [("spa-eng", "es", 1), ("eng-spa", "es", 0), ("por-eng", "pt", 1), ("eng-por", "pt", 0), ("deu-eng", "de", 1),
                                ("fra-eng", "fr", 1), ("eng-fra", "fr", 0), ("ita-eng", "it", 1), ("eng-ita", "it", 0)]:
        head = None
        for line in text("freedict-" + name):
            found = re.match(r"^(\S[^/\n]{0,60}?) /.*", line)
            if found:
                head = found.group(1)
                continue
            if not head or re.match(r"\s*(Note|Synonym|see:|\")", line) or not line.strip():
                continue
            body = clean(re.sub(r"\[[^\]]*\]|<[^>]*>|\([^)]*\)|\{[^}]*\}|^\s*\d+\.", " ", line))
            parts = [p.strip() for p in re.split(r"[,;]", body) if 1 < len(p.strip()) < 60]
            if not parts:
                continue
            foreign, english = (head, parts[0]) if forward else (parts[0], head)
            head = head if not forward else None
            common = min([zipf_frequency(w, lang) for w in re.findall(r"\w+", foreign)] or [0])
            if common < (3.0 if lang == "de" else 1.5) or len(english.split()) > 7 or (lang == "de" and rnd.random() > 0.6):
                continue
            c.add(foreign, english, "lexicon-" + lang)


def mo_strings(path):
    data = open(path, "rb").read()
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    n, ids, strings = struct.unpack(order + "8xIII", data[:20])
    for i in range(n):
        read = lambda table: (lambda l, o: data[o:o + l])(*struct.unpack(order + "II", data[table + 8 * i:table + 8 * i + 8]))
        key, value = read(ids).split(b"\0")[0].split(b"\4")[-1], read(strings).split(b"\0")[0]
        yield key.decode("utf-8", "replace"), value.decode("utf-8", "replace")


def translations(c, rnd, root):
    for folder, lang in LANGUAGES.items():
        seen = {}
        for path in sorted(glob.glob(f"{root}/*/usr/share/locale/{folder}/LC_MESSAGES/*.mo")) + sorted(glob.glob(f"{root}/*/usr/share/locale/{lang}/LC_MESSAGES/*.mo")):
            for english, foreign in mo_strings(path):
                english, foreign = clean(english), clean(foreign)
                if english and foreign and english != foreign and 2 <= len(english.split()) <= 22 and "%" not in english and re.search("[a-z]{3}", english):
                    seen[english] = foreign
        picked = sorted(seen)
        rnd.shuffle(picked)
        for english in picked[:10000]:
            c.add(seen[english], english, "parallel-" + lang)
    english = sorted({e for _, idx, k, _ in c.pairs if k.startswith("parallel") for e in (c.english[idx[0]],)})
    rnd.shuffle(english)
    for e in english[:15000]:
        c.add(e)


def package_descriptions(c, rnd, lists):
    title = {}
    for lang in ["en", "de", "es", "pt%5fBR", "fr", "it"]:
        code = {"pt%5fBR": "pt"}.get(lang, lang)
        found = {}
        for path in glob.glob(f"{lists}/*bookworm_main_i18n_Translation-{lang}"):
            md5 = None
            for line in open(path, encoding="utf-8"):
                if line.startswith("Description-md5:"):
                    md5 = line.split()[1]
                elif line.startswith("Description-") and md5:
                    found[md5] = clean(line.split(":", 1)[1])
        if lang == "en":
            title = found
            keys = sorted({v: k for k, v in title.items()}.values())
            rnd.shuffle(keys)
            for k in keys[:12000]:
                c.add(title[k])
            continue
        keys = sorted(k for k in found if k in title and found[k] != title[k])
        rnd.shuffle(keys)
        for k in keys[:5000]:
            c.add(found[k], title[k], "parallel-" + code)


def prose(c, rnd, root):
    sentences = set()
    for path in glob.glob(f"{root}/gnome-user-docs/usr/share/help/C/**/*.page", recursive=True) + glob.glob(f"{root}/python3-doc/usr/share/doc/python3*/html/**/*.html", recursive=True):
        raw = open(path, encoding="utf-8", errors="replace").read()
        for block in re.findall(r"<(?:p|title|dt|li)[ >](.*?)</(?:p|title|dt|li)>", raw, re.S):
            flat = clean(re.sub(r"<[^>]+>", "", block)).replace("&#8217;", "'").replace("&#8220;", '"').replace("&#8221;", '"')
            sentences.update(s for s in re.split(r"(?<=[.?!]) ", flat) if 3 < len(s.split()) < 26 and "&" not in s)
    for path in glob.glob(f"{root}/fortunes/usr/share/games/fortunes/*"):
        if "." in os.path.basename(path):
            continue
        for block in open(path, encoding="utf-8", errors="replace").read().split("\n%\n"):
            sentences.update(s for s in re.split(r"(?<=[.?!]) ", clean(block)) if 3 < len(s.split()) < 26)
    sentences = sorted(sentences)
    rnd.shuffle(sentences)
    for s in sentences[:20000]:
        c.add(s)


def main(root, out):
    rnd, c = random.Random(SEED), Corpus()
    synthetic(c, rnd)
    wordnet(c, rnd, root)
    prose(c, rnd, root)
    package_descriptions(c, rnd, os.path.join(root, "lists"))
    dictionaries(c, rnd, root)
    translations(c, rnd, root)
    words = [w for w in top_n_list("en", 45000) if re.search("[a-z0-9]", w)]
    for w in words:
        c.add(w, None, "word")
    os.makedirs(out, exist_ok=True)
    json.dump(c.english, open(f"{out}/english.json", "w"))
    json.dump(c.pairs, open(f"{out}/pairs.json", "w"))
    counts = {}
    for p in c.pairs:
        counts[p[2]] = counts.get(p[2], 0) + 1
    print(len(c.english), "English strings;", len(c.pairs), "pairs:", counts)


if __name__ == "__main__":
    main(*sys.argv[1:3])
