"""Loads a trained table in Python, and the scoring rule of src/balancer/group-score.ts.

Usage: python evaluate.py TABLE.npz [DATA]   prints the routing figures on CLINC150 (DATA: default ../shared/data)
"""
import json, os, sys
import numpy as np
from train import Encoder, unit

DESCRIPTION_WEIGHT, NEAREST_SHARE = 4.0, 0.5


def load_table(path):
    f = np.load(path)
    encoder, table = Encoder(list(f["vocabulary"]), list(f["pairs"]), int(f["buckets"])), f["table"].astype(np.float32)
    limit = np.maximum(np.abs(table).max(1, keepdims=True), 1e-8) / 127
    table = np.rint(table / limit) * limit  # as shipped: int8
    return lambda texts: unit(encoder.matrix(list(texts)) @ table)


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


DESCRIPTIONS = {
    "travel": "Travel: flights, hotels, luggage, visas, vaccinations and translating phrases",
    "banking": "Bank accounts: balances, transfers, bills, PINs and suspicious transactions",
    "credit_cards": "Credit cards: limits, rewards, credit score, lost or declined cards",
    "kitchen_and_dining": "Cooking, recipes, nutrition and restaurant reservations",
    "home": "Household assistant: shopping and to-do lists, calendar, reminders, music and smart devices",
    "auto_and_commute": "Cars and commuting: maintenance, tires, gas, directions and traffic",
    "work": "Work and human resources: salary, taxes, vacation days, insurance and meetings",
    "utility": "Everyday utilities: time, date, weather, alarms, calculations, calls and definitions",
    "small_talk": "Small talk with the assistant: greetings, jokes and questions about itself",
    "meta": "Controlling the assistant itself: settings, language, volume, names, yes and no",
}


def main(table, data="../shared/data"):
    if not os.path.exists(f"{data}/clinc150/validation.jsonl"):
        sys.exit(f"No CLINC150 development data in {data}: give its folder as the second argument.")
    embed = load_table(table)
    read = lambda name: [json.loads(line) for line in open(f"{data}/clinc150/{name}.jsonl")]
    train, validation = read("train"), read("validation")
    domains = list(DESCRIPTIONS)
    truth = np.array([domains.index(r["target"]) if r["target"] in domains else -1 for r in validation])
    prompts, described = embed([r["prompt"] for r in validation]), embed(DESCRIPTIONS.values())
    for count in (0, 5, 10, 20):
        figures = []
        for draw in range(5 if count else 1):
            rnd = np.random.RandomState(draw)
            scores = []
            for i, domain in enumerate(domains):
                pool = [r["prompt"] for r in train if r["target"] == domain]
                scores.append(group_score(prompts, described[i], embed([pool[j] for j in rnd.permutation(len(pool))[:count]]) if count else []))
            scores = np.stack(scores, 1)
            half = np.random.RandomState(draw).permutation(len(truth)) % 2 == 0
            t = best_threshold(scores[half], truth[half])
            figures.append([*routed(scores[~half], truth[~half], t), t])
        print(count, "examples: in %.1f oos %.1f at %.3f" % tuple(np.mean(figures, 0)))


if __name__ == "__main__":
    main(*sys.argv[1:])
