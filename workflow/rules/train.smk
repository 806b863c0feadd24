# What all methods' training rules have in common; each rule in methods/ is a copy of this one for its own method.
from sitt.runs.containers import SimulatorJobs
from sitt.runs.plan import run_opening, run_threads, run_weights
from sitt.runs.provenance import RESULTS_VERSION

# The Snakefile's own, which a module is given as its configuration.
SIMULATOR = SimulatorJobs(**config)


rule train:
    input:
        config="results/{experiment}/runs/{method}/seed{seed}/config.yaml",
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, wildcards.method, int(wildcards.seed))),
        # It follows from the configuration: made again, it is the same to the bit.
        opening=ancient(lambda wildcards: run_opening(wildcards.experiment, wildcards.method, int(wildcards.seed))),
    output:
        policy="results/{experiment}/runs/{method}/seed{seed}/policy.pt",
        training="results/{experiment}/runs/{method}/seed{seed}/training.parquet",
        provenance="results/{experiment}/runs/{method}/seed{seed}/run.json",
    log:
        "results/{experiment}/logs/{method}/seed{seed}/train.log",
    benchmark:
        "results/{experiment}/benchmarks/{method}/seed{seed}/train.tsv"
    # The longest jobs first, so that no core stands idle at the end: then imitators, evaluations, films.
    priority: 3
    conda:
        "../envs/sitt.yaml"
    container:
        SIMULATOR.image
    threads: lambda wildcards: run_threads(wildcards.experiment, wildcards.method, int(wildcards.seed))
    resources:
        mem_mb=SIMULATOR.mem_mb,
        gpu=SIMULATOR.gpu,
    params:
        results_version=RESULTS_VERSION,
        teacher=lambda wildcards, input: ["--teacher", input.teacher] if "teacher" in input.keys() else [],
        opening=lambda wildcards, input: ["--opening", input.opening] if input.get("opening") else [],
        record=lambda wildcards, output: ["--record", output.record] if "record" in output.keys() else [],
    shell:
        f"{SIMULATOR.command} "
        "train --config {input.config:q} --output {output.policy:q} {params.teacher:q} {params.opening:q} {params.record:q} "
        '2>&1 | tee {log:q} > "$SITT_CONSOLE"'
