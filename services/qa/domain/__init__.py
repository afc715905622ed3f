"""The statistics and decisions of qa: pure functions over numpy arrays and plain answers.

No I/O, no clock; chance only by a `numpy.random.Generator` that the caller seeds. What is called from where:

| module | called for | the main names |
|---|---|---|
| `voting` | the values the other modules speak | `Vote`, `ItemVotes`, `Consensus`, `Outcome`, `voter` |
| `records` | a whole record: all its questions | `consensus_of`, `answers_of`, `hits` |
| `kinds` | everything that depends on the kind of a question | `kinds.of(question)` gives a `Kind`: `distance`, `hit`, `unknown`, `estimate`, `consensus`, `outcomes` |
| `dawid_skene` | annotators' confusions and class posteriors | `fit` (arrays in, for the million), `Estimates` (stored, JSON), `Estimates.posterior` (one record) |
| `majority` | votes without a model of annotators | `majority` |
| `agreement` | coefficients and their intervals | `counts_of`, `percent_agreement`, `cohen_kappa`, `fleiss_kappa`, `krippendorff_alpha`, `alpha_of_answers`, `bootstrap_interval` |
| `matching` | geometry shared by spans and boxes | `overlap`, `intersection_over_union`, `assign` |
| `decisions` | what happens to a record now | `decide`, `after_arbitration`, `held_out_check`, `after_feedback`, `replacement_slots` |
| `assessment` | what qa concludes about an annotator | `jeffreys`, `spam_reason`, `assess` |
| `drift` | when an annotator's error rate rose | `follow`, `Drift` |
| `auto_accept` | thresholds and their withdrawal | `choose_threshold`, `upper_bound`, `withdrawal` |
| `lineage` | the chain of a record and the seal of a project | `link`, `verify_chain`, `merkle_root`, `merkle_proof`, `verify_proof` |

A kind of question is added by adding `kinds/<kind>.py`.
"""
