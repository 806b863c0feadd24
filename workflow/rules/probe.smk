# Before the trainings of a smoke test in Isaac Sim: what only the real one can show.
rule probe:
    input:
        f"results/{{experiment}}/runs/{PLAN.methods[0]}/seed{PLAN.seeds[0]}/config.yaml",
    output:
        touch("results/{experiment}/probe.done"),
    log:
        "results/{experiment}/logs/probe.log",
    benchmark:
        "results/{experiment}/benchmarks/probe.tsv"
    conda:
        "../envs/sitt.yaml"
    container:
        SIMULATOR.image
    threads: run_threads(PLAN.experiment, PLAN.methods[0], PLAN.seeds[0])
    resources:
        mem_mb=SIMULATOR.mem_mb,
        gpu=SIMULATOR.gpu,
    # The findings are none of Snakemake's files: it would delete them where one is bad.
    shell:
        f"{SIMULATOR.command} "
        "probe --config {input:q} --output results/{wildcards.experiment:q}/probe "
        '2>&1 | tee {log:q} > "$SITT_CONSOLE"'
