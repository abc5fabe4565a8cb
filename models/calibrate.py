"""Fits the knee of the similarity scale: the score that best tells a group's prompts from others.

Usage: python calibrate.py HELD_OUT.npz WORK/scale.json   (HELD_OUT.npz: trained with HELD_OUT=4)
The prompts and descriptions are those of the topics the held-out table never saw (every fourth of topics.txt), each
phrase once, so that no example shares its phrase with a tested prompt. No benchmark is read here.
"""
import json, random, sys
import numpy as np
from corpus import ACTION, DESCRIPTION, SAID, THING, read_topics
from evaluate import best_threshold, group_score, load_table

HELD_OUT, DRAWS, TARGETS, COUNTS = 4, 60, 8, (0, 1, 3, 5, 10, 20)


def main(table, out):
    embed, rnd = load_table(table), random.Random(11)
    held = [t for i, t in enumerate(read_topics()) if i % HELD_OUT == 0]
    prompts, owner = [], []
    for i, (_, things, actions, said) in enumerate(held):
        for phrases, forms in ((things, THING), (actions, ACTION), (said, SAID)):
            prompts += [rnd.choice(forms).format(p) for p in phrases]
            owner += [i] * len(phrases)
    vectors, owner = embed(prompts), np.array(owner)
    knees = {c: [] for c in COUNTS}
    for _ in range(DRAWS):
        chosen = rnd.sample(range(len(held)), TARGETS)
        described = []
        for i in chosen:
            names, things = held[i][0], held[i][1]
            described.append(rnd.choice(DESCRIPTION).format(rnd.choice(names)) if rnd.random() < 0.5
                             else rnd.choice(names) + ": " + ", ".join(rnd.sample(things, 4)))
        described = embed(described)
        order = np.array(rnd.sample(range(len(prompts)), len(prompts)))
        own = {i: order[owner[order] == i] for i in chosen}
        examples = {i: own[i][:min(max(COUNTS), len(own[i]) // 2)] for i in chosen}
        used = np.concatenate(list(examples.values()))
        tested = np.setdiff1d(order, used)
        truth = np.array([chosen.index(o) if o in chosen else -1 for o in owner[tested]])
        for count in COUNTS:
            scores = np.stack([group_score(vectors[tested], described[k], vectors[examples[i][:count]]) for k, i in enumerate(chosen)], 1)
            knees[count].append(best_threshold(scores, truth))
    means = [float(np.mean(knees[c])) for c in COUNTS]
    means = list(np.maximum.accumulate(means))
    json.dump({"threshold": 0.3, "examples": list(COUNTS), "atThreshold": [round(m, 4) for m in means]}, open(out, "w"), indent=2)
    print(dict(zip(COUNTS, np.round(means, 3))), "spread", {c: round(float(np.std(knees[c])), 3) for c in COUNTS})


if __name__ == "__main__":
    main(*sys.argv[1:3])
