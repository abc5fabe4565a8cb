"""Routing figures on CLINC150 for a trained table or another encoder, with the scoring rule of src/balancer/group-score.ts.

Usage: python evaluate.py MODEL [DATA]   (DATA: default ../shared/data)
MODEL is TABLE.npz, or MODEL.onnx,TOKENIZER.json,mean|cls, or TEXTS.json,VECTORS.json (made elsewhere; the texts come
from `python evaluate.py texts DATA`). benchmarks/routing-quality.ts gives the same figures for what ships, in Node.
"""
import json, os, re, sys
import numpy as np
from train import Encoder, unit

DESCRIPTION_WEIGHT, NEAREST_SHARE = 4.0, 0.5


def load_table(path):
    f = np.load(path)
    encoder, table = Encoder(list(f["vocabulary"]), list(f["pairs"]), int(f["buckets"])), f["table"].astype(np.float32)
    limit = np.maximum(np.abs(table).max(1, keepdims=True), 1e-8) / 127
    table = np.rint(table / limit) * limit  # as shipped: int8
    return lambda texts: unit(encoder.matrix(list(texts)) @ table)


def parts(description):
    """The subjects a description lists; none when it has one."""
    found = [re.sub(r"[.!?\s]+$", "", p).strip() for p in re.split(r"[,;:]|\band\b|\bor\b", description)]
    found = [p for p in found if len(p) > 2]
    return found[:24] if len(found) > 1 else []


def group_score(prompts, description, examples):
    """½ cosine to the centroid, in which the description counts as four examples, + ½ cosine to the nearest."""
    if len(examples) == 0:
        return prompts @ description
    members = np.vstack([description[None], examples])
    centre = unit(DESCRIPTION_WEIGHT * description + np.sum(examples, 0))
    return (1 - NEAREST_SHARE) * (prompts @ centre) + NEAREST_SHARE * (prompts @ members.T).max(1)


def routed(scores, truth, threshold):
    """Shares in per cent: in-scope prompts sent to their target; others kept in the catch-all."""
    choice = np.where(scores.max(1) >= threshold, scores.argmax(1), -1)
    inside = truth >= 0
    return (choice[inside] == truth[inside]).mean() * 100, (choice[~inside] == -1).mean() * 100


def best_threshold(scores, truth):
    candidates = np.unique(np.quantile(scores.max(1), np.linspace(0, 1, 300)))
    return max(candidates, key=lambda t: sum(routed(scores, truth, t)))


DOMAINS = ["travel", "banking", "credit_cards", "kitchen_and_dining", "home", "auto_and_commute", "work", "utility", "small_talk", "meta"]
WORDINGS = {
    "related": ["Requests related to " + d.replace("_", " ") for d in DOMAINS],
    "line": [
        "Travel: flights, hotels, luggage, visas, vaccinations and translating phrases",
        "Bank accounts: balances, transfers, bills, PINs and suspicious transactions",
        "Credit cards: limits, rewards, credit score, lost or declined cards",
        "Cooking, recipes, nutrition and restaurant reservations",
        "Household assistant: shopping and to-do lists, calendar, reminders, music and smart devices",
        "Cars and commuting: maintenance, tires, gas, directions and traffic",
        "Work and human resources: salary, taxes, vacation days, insurance and meetings",
        "Everyday utilities: time, date, weather, alarms, calculations, calls and definitions",
        "Small talk with the assistant: greetings, jokes and questions about itself",
        "Controlling the assistant itself: settings, language, volume, names, yes and no",
    ],
    "sentence": [
        "Helps people plan trips and travel abroad",
        "Handles questions about money in a bank account, payments and bills",
        "Specialist in credit cards and credit scores",
        "Specialist in food, cooking and restaurants",
        "Manages the home: lists, schedule, music, orders and smart home devices",
        "Specialist in cars, driving and commuting",
        "Handles questions from employees about pay, benefits, time off and meetings",
        "Simple tools such as clock, timer, weather, calculator, dictionary and phone",
        "Friendly conversation and chit-chat with a bot",
        "Changes how the assistant speaks and behaves, confirms, cancels or repeats",
    ],
}
COUNTS, DRAWS = (0, 5, 10, 20), 5


def open_model(name):
    files = name.split(",")
    if len(files) == 1:
        return load_table(name)
    if len(files) == 2:
        known = dict(zip(json.load(open(files[0])), unit(np.array(json.load(open(files[1])), np.float32))))
        return lambda texts: np.stack([known[t] for t in texts])
    from teach import encode, open_teacher
    teacher = open_teacher(files[0], files[1], 128)
    return lambda texts: unit(encode(*teacher, list(texts), files[2]).astype(np.float32))


def main(model, data="../shared/data"):
    if not os.path.exists(f"{data}/clinc150/validation.jsonl"):
        sys.exit(f"No CLINC150 development data in {data}: give its folder as the second argument.")
    read = lambda name: [json.loads(line) for line in open(f"{data}/clinc150/{name}.jsonl")]
    train, validation = read("train"), read("validation")
    pools = [[r["prompt"] for r in train if r["target"] == d] for d in DOMAINS]
    draws = [[[pool[j] for j in np.random.RandomState(97 * draw + i).permutation(len(pool))[:max(COUNTS)]] for i, pool in enumerate(pools)] for draw in range(DRAWS)]
    descriptions = [d for w in WORDINGS.values() for d in w]
    texts = [r["prompt"] for r in validation] + descriptions + [p for d in descriptions for p in parts(d)] + [e for draw in draws for pool in draw for e in pool]
    texts = list(dict.fromkeys(texts))
    if model == "texts":
        return json.dump(texts, sys.stdout)
    vectors = dict(zip(texts, open_model(model)(texts)))
    embed = lambda some: np.stack([vectors[t] for t in some]) if len(some) else np.zeros((0, 1))
    truth = np.array([DOMAINS.index(r["target"]) if r["target"] in DOMAINS else -1 for r in validation])
    prompts = embed([r["prompt"] for r in validation])
    for wording, lines in WORDINGS.items():
        for with_parts in (False, True):
            for count in COUNTS:
                figures = []
                for draw in range(DRAWS):
                    scores = np.stack([group_score(prompts, vectors[line], embed((parts(line) if with_parts else []) + draws[draw][i][:count])) for i, line in enumerate(lines)], 1)
                    half = np.random.RandomState(draw).permutation(len(truth)) % 2 == 0
                    t = best_threshold(scores[half], truth[half])
                    argmax = (scores.argmax(1) == truth)[truth >= 0].mean() * 100
                    figures.append([*routed(scores[~half], truth[~half], t), argmax, t])
                inside, outside, argmax, t = np.mean(figures, 0)
                print(f"{wording:9s} {'with' if with_parts else 'without'} parts  K={count:2d}  {inside:.1f} / {outside:.1f}  mean {(inside + outside) / 2:.1f}  nearest right {argmax:.1f}  at {t:.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
