"""Fits the knee of the similarity scale: the score that best tells a group's prompts from others.

Usage: python calibrate.py HELD_OUT.npz WORK/scale.json   (HELD_OUT.npz: trained with HELD_OUT=4)
The prompts and descriptions are those of the topics the held-out table never saw (every fourth of topics.txt), each
phrase once, so that no example shares its phrase with a tested prompt. No benchmark is read here.
"""
import json, random, sys
import numpy as np
from corpus import ACTION, DESCRIPTION, SAID, THING, read_topics
from evaluate import best_threshold, group_score, load_table

HELD_OUT, DRAWS, TARGETS, COUNTS, PARTS = 4, 60, 8, (0, 3, 6, 12, 24), 6


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
    for draw in range(DRAWS):
        chosen = rnd.sample(range(len(held)), TARGETS)
        order = np.array(rnd.sample(range(len(prompts)), len(prompts)))
        examples = {i: (lambda own: own[:min(max(COUNTS), len(own) // 2)])(order[owner[order] == i]) for i in chosen}
        tested = np.setdiff1d(order, np.concatenate(list(examples.values())))
        truth = np.array([chosen.index(o) if o in chosen else -1 for o in owner[tested]])
        for count in COUNTS:
            listed = min(count, PARTS) if draw % 2 else 0  # half of the draws describe by a list, half by one name
            scores = []
            for i in chosen:
                subjects = rnd.sample(held[i][1], listed) if listed else []
                text = ", ".join(subjects) if subjects else rnd.choice(DESCRIPTION).format(rnd.choice(held[i][0]))
                members = list(embed(subjects)) if subjects else []
                members += list(vectors[examples[i][:count - listed]])
                scores.append(group_score(vectors[tested], embed([text])[0], np.array(members)))
            knees[count].append(best_threshold(np.stack(scores, 1), truth))
    means = [float(m) for m in np.maximum.accumulate([np.mean(knees[c]) for c in COUNTS])]
    json.dump({"threshold": 0.3, "examples": list(COUNTS), "atThreshold": [round(m, 4) for m in means]}, open(out, "w"), indent=2)
    print(dict(zip(COUNTS, np.round(means, 3))), "spread", {c: round(float(np.std(knees[c])), 3) for c in COUNTS})


if __name__ == "__main__":
    main(*sys.argv[1:3])
