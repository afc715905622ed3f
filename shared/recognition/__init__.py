"""Recognisers that take a model: names of people, addresses, places, organisations, dates, ages and groups.

The model comes with the extra `names` and `requirements/names.txt`. Each text takes milliseconds: call it in worker
processes only.

| module | what it is |
|---|---|
| `choice` | which recognisers a project's policy asks for, and whether they are here |
| `names` | the recogniser |
| `reading`, `words`, `rampart` | what is known of each word of a text |
| `head`, `chain` | from that to how likely each label is; `parameters.json` are the trained weights |
| `training` | how they are trained; it needs scipy |
"""
