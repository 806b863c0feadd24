if PLAN.weights:

    # Fetched once, for all experiments: input, params or a benchmark of one would have it fetched again for the next.
    # What is half fetched lies beside the output, where Snakemake owns nothing, and goes on.
    # `snakemake weights --config experiment=…` does this alone, for a machine whose other jobs have no network.
    rule weights:
        output:
            list(PLAN.weights),
        log:
            f"results/{PLAN.experiment}/logs/weights.log",
        conda:
            "../envs/sitt.yaml"
        threads: 1
        resources:
            mem_mb=1000,
        shell:
            f"sitt weights --experiment {PLAN.experiment} --method {' '.join(PLAN.weights.values())} "
            '2>&1 | tee {log:q} > "$SITT_CONSOLE"'
