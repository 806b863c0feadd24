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
    params:
        artefact="figure3",
    shell:
        "sitt report {params.artefact} --database {input:q} --output reports/{wildcards.experiment:q} > {log:q} 2>&1"


# Which experiment gets the next two: Plan.artefacts.
use rule figure3 as routes with:
    output:
        multiext("reports/{experiment}/routes", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/routes.log",
    benchmark:
        "results/{experiment}/benchmarks/routes.tsv"
    params:
        artefact="routes",


use rule figure3 as sweep with:
    output:
        multiext("reports/{experiment}/sweep", ".pdf", ".png"),
    log:
        "results/{experiment}/logs/sweep.log",
    benchmark:
        "results/{experiment}/benchmarks/sweep.tsv"
    params:
        artefact="sweep",


rule html:
    input:
        expand("reports/{{experiment}}/{picture}", picture=PLAN.pictures()),
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
