"""What transformers itself makes of proteins, one by one, from their letters."""

from __future__ import annotations

import torch
from transformers import AutoModel, AutoTokenizer, EsmModel, T5EncoderModel


def residues_of(folder, texts, layer=-1):
    """Return hidden states of the residues of each protein, as arrays (length, width)."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    t5 = "t5" in folder.name
    model = (T5EncoderModel if t5 else AutoModel).from_pretrained(folder).eval()
    found = []
    for text in texts:
        # The words of ProtT5, with the letters replaced as its authors say; J is in neither.
        letters = text.replace("J", "X").translate(str.maketrans("UZOB", "XXXX")) if t5 else text
        words = " ".join(letters) if t5 else text.replace("J", "X")
        batch = tokenizer(words, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**batch, output_hidden_states=True).hidden_states[layer][0]
        found.append((hidden[:-1] if t5 else hidden[1:-1]).numpy())
    return found


def cls_of(folder, text):
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = EsmModel.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0].numpy()
