# Pictures of the first seed's runs, played again from the first start states of the evaluation: a rule, not a choice.
FILMED = f"results/{PLAN.experiment}/runs/{{method}}/seed{PLAN.seeds[0]}"
TEACHERS = expand(FILMED, method=[method for method in ("joint", "joint_aligned") if method in PLAN.methods])
STUDENTS = expand(FILMED, method=PLAN.methods)


rule figure2:
    input:
        expand("{folder}/{file}", folder=TEACHERS, file=["config.yaml", "policy.pt"]),
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(lambda wildcards: run_weights(wildcards.experiment, "joint", PLAN.seeds[0])),
    output:
        multiext("reports/{experiment}/figure2", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/figure2.log",
    benchmark:
        "results/{experiment}/benchmarks/figure2.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        folders=TEACHERS,
    shell:
        "sitt figure2 --output reports/{wildcards.experiment:q} {params.folders:q} > {log:q} 2>&1"


# One job for all: to start takes longer than to film.
rule videos:
    input:
        expand("{folder}/{file}", folder=STUDENTS, file=["config.yaml", "policy.pt"]),
        kernels=ancient("results/{experiment}/kernels.ready"),
        weights=ancient(list(PLAN.weights)),
    output:
        expand("reports/{{experiment}}/videos/{method}.gif", method=PLAN.methods),
    log:
        "results/{experiment}/logs/videos.log",
    benchmark:
        "results/{experiment}/benchmarks/videos.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=2000,
    params:
        folders=STUDENTS,
    shell:
        "sitt videos --output reports/{wildcards.experiment:q}/videos {params.folders:q} > {log:q} 2>&1"
