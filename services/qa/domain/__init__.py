"""The statistics and decisions of qa: pure functions over numpy arrays and plain answers.

No I/O, no clock; chance only by a `numpy.random.Generator` that the caller seeds. What is called from where:

| module | called for | the main names |
|---|---|---|
| `votes` | the values of consensus | `Vote`, `ItemVotes`, `Consensus`, `VoteOutcome`, `voter` |
| `record_consensus` | a whole record: all its questions | `consensus_of`, `answers_of`, `hits` |
| `kinds` | all that depends on a question's kind | `kinds.of(question)` gives a `Kind`: `distance`, `hit`, `unknown`, `estimate`, `consensus`, `outcomes`, `to_stored`, `from_stored`, `reliability`, `moved`, `vote_scores` |
| `estimates` | annotators as stored between refreshes | `Estimates`: `posterior`, `calibrated`, `next_vote`, `diagonal`, `answered` |
| `dawid_skene`, `one_coin`, `ebcc` | EM and mean field over index arrays, for the million | `fit`, `fit_one_coin`, `fit_ebcc`, `VoteMatrix` |
| `consensus_methods`, `method_choice` | which method weighs the votes of a question, and why | `Method`, `MethodSelection`, `Subtypes`, `choose`, `estimate_by_evidence` |
| `calibration`, `calibration_evidence` | how often an answer of a posterior is right | `Calibration`, `calibrate`, `worth_of_checks` |
| `stopping` | whether the next vote is worth its cost | `next_step`, `StoppingCosts`, `NextVote` |
| `estimate_changes` | whether open records are decided again | `moved` |
| `agreement_counts`, `agreement_coefficients` | what a record contributes, and the coefficients with their intervals | `contributions_of`, `of_classes`, `of_distances`, `of_pair` |
| `geometry`, `matching`, `regions` | which regions of several answers are one object | `BOXES`, `INTERVALS`, `assign`, `count_like`, `cluster` |
| `region_estimates`, `region_estimation` | annotators who draw regions, as stored and by EM | `RegionEstimates`, `EstimatedByRegions`, `estimate_regions` |
| `region_consensus`, `region_votes`, `presence`, `region_names`, `region_edges` | which objects are there, how they are named and where their edges are | `weigh`, `WeighedObjects`, `outcomes`, `RegionVotes`, `presence`, `named`, `span_edges`, `box_chances` |
| `class_votes` | answers that are a class | `vote_arrays`, `posteriors`, `leave_one_out` |
| `record`, `facts`, `verdict` | what happens to a record now | `Record`, `RecordFacts`, `judge`, `is_heavy`, `set_aside` |
| `decisions` | what votes, held-out checks and reports lead to | `decide`, `held_out_check`, `after_feedback` |
| `stored_estimates` | estimates as they are kept, opaque to all but their kind | `StoredEstimates`, `Reliability` |
| `assessment` | what qa concludes about an annotator | `clopper_pearson`, `spam_reason`, `assess` |
| `drift` | when an annotator's error rate rose | `follow`, `DriftCharts`, `Drift`, `DriftRule` |
| `vote_scores` | what the others say of an item, without one vote or two | `VoteScores` |
| `attention` | who does not look at what they answer | `attentions` |
| `copying` | whose answers are copies | `copying`, `pair_items`, `prediction_items` |
| `auto_accept` | thresholds and their withdrawal | `due`, `level_of_look`, `choose_threshold`, `upper_bound`, `withdrawal` |
| `two_phase` | error rates where experts check a share of what people labelled | `p_value`, `upper_bound`, `step_sizes` |
| `lineage` | a record's chain | `commit`, `commitment_key`, `link`, `verify_chain` |
| `merkle`, `seals` | the signed roots over a project's chains | `MerkleTree`, `verify_proof`, `Seal`, `seal_hash`, `signed_bytes` |
| `release_lineage` | a line of a release's lineage, and what is wrong with one | `LabelLineage`, `line_of`, `faults_of` |

A kind of question is added by adding `kinds/<kind>.py`.
"""
