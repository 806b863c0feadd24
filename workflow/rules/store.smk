# The only job that writes the database, from the files of all runs.
from sitt.store import SCHEMA_VERSION


rule store:
    input:
        expand(
            "{folder}/{shard}",
            folder=PLAN.folders(),
            shard=["training.parquet", "episodes.parquet", "run.json"],
        ),
    output:
        "results/{experiment}/metrics.duckdb",
    log:
        "results/{experiment}/logs/store.log",
    benchmark:
        "results/{experiment}/benchmarks/store.tsv"
    # As soon as it can: Table 1, Figure 3 and the report wait for it.
    priority: 1
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        folders=PLAN.folders(),
        title=PLAN.title,
        schema=SCHEMA_VERSION,
    shell:
        "sitt store --experiment {wildcards.experiment:q} --output {output:q} {params.folders:q} > {log:q} 2>&1"
