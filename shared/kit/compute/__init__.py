"""The room for heavy computing: worker processes with limits, which can be killed and are replaced.

    result = await runtime.compute.run(function, *arguments, project_id=project_id)

| module | what it is |
|---|---|
| `pool` | in the service: queues calls by project and gives them to workers |
| `processes` | in the service: starts, watches and kills workers |
| `template` | the process that workers are forked from, its imports done |
| `worker` | the loop of a worker |
| `confinement` | what a worker may not do, and how much it may take |
| `wire` | how calls and results cross |

This package itself imports little, because workers import it.
"""
