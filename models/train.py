"""Trains the token table: a bag of word, word-pair and character-gram vectors whose sum points where the teachers point.

Usage: python train.py WORK OUT   (WORK: holds english.json, pairs.json, minilm.npy, bge.npy; OUT: table.npz)
Loss = cosine distance to the teachers (two sentence encoders side by side, reduced by PCA)
     + squared error of the in-batch similarity matrix + a contrastive term between the synthetic questions and the
       descriptions of their topics. Plain numpy with lazy Adam; one thread, a few minutes.
"""
import collections, json, os, random, re, sys, time
import numpy as np
import scipy.sparse as sp
from wordfreq import zipf_frequency
from tokenizer import TOKEN, fold, grams, words

SEED, DIM, WORDS, PAIRS_OF_WORDS, BUCKETS = 7, 256, 72000, 9000, 24000
BATCH, RELATED, EPOCHS, RATE = 2048, 512, int(os.environ.get("EPOCHS", 8)), 0.004
RELATION, TOPIC, TOPIC_SCALE = float(os.environ.get("RELATION", 0.03)), float(os.environ.get("TOPIC", 2)), 12.0
FAR, NONE = 0.3, float(os.environ.get("NONE", 0.3))  # NONE=0: without the "none of them" choice
GRAM_SHARE, VIEWS, HELD_OUT = 0.06, 2, int(os.environ.get("HELD_OUT", 0))


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)


def teachers(work):
    a, b = np.load(f"{work}/minilm.npy").astype(np.float32), np.load(f"{work}/bge.npy").astype(np.float32)
    return np.hstack([unit(a), unit(unit(b) - 0.9 * unit(b).mean(0))])


def pca(x, dim):
    """Uncentred, so that a cosine of nought stays nought."""
    sample = x[np.random.RandomState(SEED).permutation(len(x))[:120000]]
    values, vectors = np.linalg.eigh(sample.T @ sample)
    print("PCA keeps", values[-dim:].sum() / values.sum(), flush=True)
    return vectors[:, -dim:]


def build_vocabulary(pairs):
    counts, seen_pairs, upper = collections.Counter(), collections.Counter(), collections.Counter()
    for text, _, kind, _ in pairs:
        folded = fold(text)
        tokens = TOKEN.findall(folded)
        low = [t.lower() for t in tokens]
        value = 2.0 if kind.startswith("lexicon") or kind == "word" else 1.0
        for t in low:
            counts[t] += value
        if not kind.startswith(("lexicon", "parallel", "word")):
            for x, y in zip(low, low[1:]):
                if x.isalnum() and y.isalnum():
                    seen_pairs[x + " " + y] += 1
            if folded.upper() != folded:
                for t in tokens:
                    if len(t) == 2 and t.isalpha() and t not in ("OR", "TO") and t.isupper() and zipf_frequency(t.lower(), "en") > 5.7:
                        upper[t] += 1
    for w in list(counts):
        counts[w] += 10 ** (max(zipf_frequency(w, "en") - 3.5, -3))
        if len(w) > 24 or (w.isdigit() and len(w) > 2):
            del counts[w]
    vocabulary = [w for w, _ in sorted(counts.items(), key=lambda p: (-p[1], p[0]))[:WORDS]]
    vocabulary += sorted("^" + w for w, n in upper.items() if n >= 15)
    total = sum(counts.values())
    def strength(item):
        x, y = item[0].split(" ")
        return item[1] * np.log(item[1] * total / (counts[x] * counts[y]) + 1e-9)
    ranked = sorted(((p, n) for p, n in seen_pairs.items() if n >= 6 and counts[p.split()[0]] and counts[p.split()[1]]), key=lambda i: (-strength(i), i[0]))
    return vocabulary, [p for p, _ in ranked[:PAIRS_OF_WORDS]]


def mark_far(target, topic):
    """Marks untagged text that is far from every topic with −2: it must not be near any description."""
    tagged = np.flatnonzero(topic >= 0)
    names = np.unique(topic[tagged])
    centres = unit(np.stack([target[tagged[topic[tagged] == n]].mean(0) for n in names]))
    marked = topic.copy()
    for start in range(0, len(topic), 50000):
        part = slice(start, start + 50000)
        far = ((target[part] @ centres.T).max(1) < FAR) & (topic[part] < 0)
        marked[part][far] = -2
    return marked


class Encoder:
    """Text → columns and values of one sparse row: words, word pairs, then grams, then the unknown direction's mass."""

    def __init__(self, vocabulary, pairs, buckets):
        self.ids = {w: i for i, w in enumerate(vocabulary + pairs)}
        self.grams_at, self.buckets, self.width = len(self.ids), buckets, len(self.ids) + buckets
        self.cache = {}

    def gram_row(self, word):
        if word not in self.cache:
            self.cache[word] = [self.grams_at + g for g in grams(word, self.buckets)]
        return self.cache[word]

    def row(self, text, drop=None):
        columns, values, previous = [], [], None
        for w in words(text, self.ids):
            i = self.ids.get(w)
            if i is None or (drop is not None and w.isalpha() and len(w) > 3 and drop.random() < GRAM_SHARE):
                g = self.gram_row(typo(w, drop) if drop and drop.random() < 0.3 else w)
                columns += g
                values += [1 / max(len(g), 1)] * len(g)
            else:
                columns.append(i)
                values.append(1.0)
            both = self.ids.get(previous + " " + w) if previous else None
            if both is not None:
                columns.append(both)
                values.append(1.0)
            previous = w.lower().lstrip("^")
        times = collections.Counter()
        for i, c in enumerate(columns):  # the k-th repeat counts 1/k
            times[c] += 1
            values[i] /= times[c]
        return columns, values

    def matrix(self, texts, drop=None):
        columns, values, starts = [], [], [0]
        for t in texts:
            c, v = self.row(t, drop)
            columns += c
            values += v
            starts.append(len(columns))
        return sp.csr_matrix((np.asarray(values, np.float32), np.asarray(columns, np.int32), np.asarray(starts)), shape=(len(texts), self.width))


def typo(word, rnd):
    if len(word) < 4:
        return word
    i = rnd.randrange(len(word) - 1)
    kind = rnd.random()
    if kind < 0.4:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    return word[:i] + word[i + 1:] if kind < 0.7 else word[:i] + word[i] + word[i:]


class Adam:
    """Adam whose moments move only for the rows touched by a batch."""

    def __init__(self, shape):
        self.m, self.v, self.t = np.zeros(shape, np.float32), np.zeros(shape, np.float32), 0

    def step(self, table, rows, gradient, rate):
        self.t += 1
        self.m[rows] = m = 0.9 * self.m[rows] + 0.1 * gradient
        self.v[rows] = v = 0.99 * self.v[rows] + 0.01 * gradient ** 2
        table[rows] -= rate * (m / (1 - 0.9 ** min(self.t, 200))) / (np.sqrt(v / (1 - 0.99 ** min(self.t, 2000))) + 1e-8)


def loss_and_gradient(u, target, topic, described):
    """u: pooled vectors. Returns the loss and d loss / d u."""
    length = np.maximum(np.linalg.norm(u, axis=1, keepdims=True), 1e-6)
    z = u / length
    n = len(z)
    d = -target.copy()
    loss = 1 - (z * target).sum(1).mean()
    if RELATION:
        s = slice(0, RELATED)  # a random part of the batch: the rows come shuffled
        error = z[s] @ z[s].T - target[s] @ target[s].T
        np.fill_diagonal(error, 0)
        loss += RELATION * (error ** 2).sum() / RELATED
        d[s] += RELATION * 4 * (n / RELATED) * error @ z[s]
    if TOPIC:
        q, k = np.flatnonzero((topic != -1) & ~described), np.flatnonzero((topic >= 0) & described)
        if len(q) > 1 and len(k) > 1:
            same = (topic[q][:, None] == topic[k][None]).astype(np.float32)
            has = same.sum(1, keepdims=True)
            # one more choice, "none of them", as near as NONE: right for a prompt whose topic is not described here
            none = np.full((len(q), 1), TOPIC_SCALE * NONE + np.log(len(k)) if NONE else -np.inf, np.float32)
            logits = np.hstack([TOPIC_SCALE * z[q] @ z[k].T, none])
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            g = (p[:, :-1] - same / np.maximum(has, 1)) * TOPIC * TOPIC_SCALE / 4
            g *= 1 if NONE else has > 0
            d[q] += g @ z[k]
            d[k] += g.T @ z[q]
    d = (d - (d * z).sum(1, keepdims=True) * z) / length / n
    return loss, d.astype(np.float32)


def main(work, out):
    rnd, np_rnd = random.Random(SEED), np.random.RandomState(SEED)
    english, pairs = json.load(open(f"{work}/english.json")), json.load(open(f"{work}/pairs.json"))
    if HELD_OUT:  # for calibrate.py: a model that has never seen every HELD_OUT-th topic
        pairs = [p for p in pairs if p[3] < 0 or p[3] % HELD_OUT]
    t = teachers(work)
    basis = pca(t, DIM - 1)
    t = unit(t @ basis)
    target = np.zeros((len(pairs), DIM), np.float32)
    for i, (_, sources, _, _) in enumerate(pairs):
        target[i, 1:] = t[sources[0]] if len(sources) == 1 else t[sources].mean(0)
    target = unit(target)
    vocabulary, word_pairs = build_vocabulary(pairs)
    enc = Encoder(vocabulary, word_pairs, BUCKETS)
    print(len(vocabulary), "words", len(word_pairs), "pairs, e.g.", word_pairs[:12], [w for w in vocabulary if w[0] == "^"], flush=True)
    table = np_rnd.normal(0, 0.002, (enc.width, DIM)).astype(np.float32)
    index = {e: i for i, e in enumerate(english)}
    for w, i in enc.ids.items():
        if w in index:
            table[i, 1:] += t[index[w]] * min(1.0, 0.15 * (8 - zipf_frequency(w, "en")))
    table[:, 0] = 0
    topic = np.array([p[3] for p in pairs])
    described = np.array([p[2] == "description" for p in pairs])
    copies = np.concatenate([np.arange(len(pairs))] + [np.flatnonzero(topic >= 0)] * 2)
    topic = mark_far(target, topic) if NONE else topic
    print((topic >= 0).sum(), "pairs have a topic,", (topic == -2).sum(), "are far from all, of", len(topic), flush=True)
    texts = [p[0] for p in pairs]
    keep = np.array([1.0 if not p[2].startswith("lexicon-de") else 0.4 for p in pairs])
    adam, begun, step = Adam(table.shape), time.time(), 0
    views = [enc.matrix([s.lower() if rnd.random() < 0.25 else s for s in texts], rnd) for _ in range(VIEWS)]
    print("matrices", round(time.time() - begun), "s", flush=True)
    steps = int(EPOCHS * (keep[copies].sum() // BATCH))
    for epoch in range(EPOCHS):
        order = copies[np_rnd.permutation(len(copies))]
        order = order[np_rnd.random_sample(len(order)) < keep[order]]
        total = 0.0
        for b in range(0, len(order) - BATCH, BATCH):
            chosen = order[b:b + BATCH]
            x = views[epoch % VIEWS][chosen]
            loss, du = loss_and_gradient(x @ table, target[chosen], topic[chosen], described[chosen])
            rows, local = np.unique(x.indices, return_inverse=True)
            packed = sp.csr_matrix((x.data, local.astype(np.int32), x.indptr), shape=(len(chosen), len(rows)))
            g = np.asarray(packed.T @ du)
            g[:, 0] = 0
            step += 1
            adam.step(table, rows, g, RATE * min(1, step / 100) * max(0.02, 1 - step / steps))
            total += loss
        print("epoch", epoch, "loss", total / (b / BATCH + 1), "seconds", round(time.time() - begun), flush=True)
        np.savez(out, table=table.astype(np.float16), vocabulary=np.array(vocabulary), pairs=np.array(word_pairs), buckets=BUCKETS)


if __name__ == "__main__":
    main(*sys.argv[1:3])
