"""The tokenizer of the local model; src/embedders/local/tokenizer.ts is the same in TypeScript (a test compares both)."""
import re, unicodedata

TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*|[=(){}\[\];<>+*/\\#$%&|^~@`_:]", re.U)
CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
MIN_GRAM, MAX_GRAM, MAX_WORD = 3, 5, 32


def fold(text):
    """Strips accents; ß becomes ss."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFD", text.replace("ß", "ss").replace("’", "'"))
    return "".join(c for c in text if not unicodedata.category(c).startswith("M"))


def fnv1a(text):
    h = 0x811C9DC5
    for c in text:
        h = ((h ^ (ord(c) & 0xFFFF)) * 0x01000193) & 0xFFFFFFFF
    return h


def grams(word, buckets):
    """Bucket numbers of the character 3- to 5-grams of <word>."""
    w = "<" + word[:MAX_WORD] + ">"
    return [fnv1a(w[i:i + n]) % buckets for n in range(MIN_GRAM, MAX_GRAM + 1) for i in range(len(w) - n + 1)]


def words(text, vocabulary):
    """Splits a text into words as the table knows them: acronyms that are also common words keep their capitals (IT, US)."""
    text = fold(text)
    shouted = text.upper() == text
    for raw in TOKEN.findall(text):
        if not shouted and len(raw) > 1 and raw.isupper() and "^" + raw in vocabulary:
            yield "^" + raw
            continue
        low = raw.lower()
        if low in vocabulary:
            yield low
            continue
        if "'" in low and low.split("'")[0] in vocabulary:
            yield low.split("'")[0]
            continue
        parts = CAMEL.findall(raw) if raw.isascii() and raw != low else []
        if len(parts) > 1:
            for p in parts:
                yield p.lower()
        else:
            yield low


CASES = ["How do I reset my password?", "IT support for it", "RESET IT NOW", "My list comprehension throws a TypeError", "don’t you'll o'clock",
         "def f(x): return x*2 # why?", "contraseña, Straße, naïve", "snake_case camelCase HTTPServer2", "今天天气怎么样", "🙂 \u0000 …", "", "3.5 GB at 10:30", "Привет мир"]

if __name__ == "__main__":  # writes the cases that tokenizer.test.ts checks the twin against
    import json
    known = ["how", "do", "i", "reset", "my", "password", "^IT", "it", "support", "for", "now", "type", "error", "don", "you'll", "contrasena", "case", "x", "2"]
    cases = [{"text": t, "words": list(words(t, set(known))), "grams": [grams(w, 24000) for w in words(t, set(known))][:3]} for t in CASES]
    json.dump({"known": known, "cases": cases}, open("tokenizer-cases.json", "w", encoding="utf-8"), ensure_ascii=False, indent=1)
