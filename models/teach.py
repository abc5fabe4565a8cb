"""Runs the two teachers over english.json.

Usage: python teach.py WORK MODEL.onnx TOKENIZER.json mean|cls NAME   → WORK/NAME.npy (float16, unit length)
"IT" is spelled out for the teachers, which do not see capitals and would read the pronoun.
"""
import json, re, sys
import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

LONGEST, BATCH = 32, 64


def encode(session, tokenizer, texts, pooling):
    encoded = [e.ids for e in tokenizer.encode_batch(texts)]
    order = np.argsort([len(e) for e in encoded], kind="stable")
    wanted = {i.name for i in session.get_inputs()}
    out = None
    for b in range(0, len(order), BATCH):
        chosen = order[b:b + BATCH]
        length = max(len(encoded[i]) for i in chosen)
        ids, mask = np.zeros((len(chosen), length), np.int64), np.zeros((len(chosen), length), np.int64)
        for row, i in enumerate(chosen):
            ids[row, :len(encoded[i])], mask[row, :len(encoded[i])] = encoded[i], 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = session.run(None, {k: v for k, v in feed.items() if k in wanted})[0]
        v = hidden[:, 0] if pooling == "cls" else (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        out = np.zeros((len(texts), v.shape[1]), np.float16) if out is None else out
        out[chosen] = v
    return out


def open_teacher(model, tokenizer_file, longest=LONGEST):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    tokenizer = Tokenizer.from_file(tokenizer_file)
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]), tokenizer


if __name__ == "__main__":
    work, model, tokenizer_file, pooling, name = sys.argv[1:6]
    english = [re.sub(r"\bIT\b", "information technology", e) for e in json.load(open(f"{work}/english.json"))]
    np.save(f"{work}/{name}.npy", encode(*open_teacher(model, tokenizer_file), english, pooling))
