rule table1:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/table1", ".md", ".tex", ".csv"),
    log:
        "results/{experiment}/logs/table1.log",
    benchmark:
        "results/{experiment}/benchmarks/table1.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report table1 --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule figure3:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/figure3", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/figure3.log",
    benchmark:
        "results/{experiment}/benchmarks/figure3.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report figure3 --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule sweep:
    input:
        "results/{experiment}/metrics.duckdb",
    output:
        multiext("reports/{experiment}/sweep", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/sweep.log",
    benchmark:
        "results/{experiment}/benchmarks/sweep.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report sweep --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


rule html:
    input:
        "reports/sweep/sweep.png" if PLAN.experiment == "sweep" else [],
        expand("reports/{{experiment}}/videos/{method}.gif", method=PLAN.methods),
        "reports/{experiment}/figure2.png",
        database="results/{experiment}/metrics.duckdb",
    output:
        "reports/{experiment}/report.html",
    log:
        "results/{experiment}/logs/html.log",
    benchmark:
        "results/{experiment}/benchmarks/html.tsv"
    conda:
        "../envs/sitt.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    shell:
        "sitt report html --database {input.database:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"
