-- What the artefacts show. Every statistic is over seeds: episodes are averaged per run first. `std` is the sample
-- standard deviation (n - 1), NULL for a single run. Rates have three decimals and returns two, as in the artefacts; the paper's
-- numbers have the paper's two.

-- 97.5 % quantile of Student's t; the series (Abramowitz & Stegun 26.7.5) is exact to 4 decimals above 10 degrees of freedom.
CREATE MACRO t_quantile(df) AS CASE
    WHEN df <= 10 THEN
        [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281][df::INTEGER]
    ELSE 1.959964 + 2.372271 / df + 2.822499 / df ** 2 + 2.555850 / df ** 3 + 1.589536 / df ** 4
END;
CREATE MACRO t_margin(x) AS t_quantile(count(x) - 1) * stddev_samp(x) / sqrt(count(x));
CREATE MACRO rate(x) AS x::DECIMAL(18, 3);
-- The ends of the 95 % t-interval of the mean of x, cut at the least and largest possible value; NULL for a single x.
CREATE MACRO rate_low(x, least_x) AS rate(CASE WHEN count(x) > 1 THEN greatest(least_x, avg(x) - t_margin(x)) END);
CREATE MACRO rate_high(x, largest_x) AS rate(CASE WHEN count(x) > 1 THEN least(largest_x, avg(x) + t_margin(x)) END);
CREATE MACRO task_return(x) AS x::DECIMAL(18, 2);
-- The paper's methods in the paper's order, from no pressure on the teacher to both (in the maze, the paper's sign first), then the
-- control, then all others by name.
CREATE MACRO method_rank(method) AS coalesce(
    list_position(
        ['bc', 'dagger', 'joint', 'joint_penalty', 'joint_gradient', 'joint_aligned', 'maze_aligned', 'blind'], method
    ), 9);

CREATE VIEW table1 AS
WITH per_run AS (
    SELECT
        run_id,
        avg(success::INTEGER) FILTER (policy = 'student') AS success,
        avg(success::INTEGER) FILTER (policy = 'teacher') AS teacher_success,
        avg("return") FILTER (policy = 'student') AS return
    FROM episodes
    GROUP BY run_id
),
per_method AS (
    SELECT
        method,
        coalesce(any_value(label), method) AS label,
        any_value(simulator) AS simulator,
        count(success) AS n,
        count(*) AS n_expected,
        avg(success) AS success_mean,
        stddev_samp(success) AS success_std,
        rate_low(success, 0) AS success_low,
        rate_high(success, 1) AS success_high,
        avg(teacher_success) AS teacher_success_mean,
        avg(return) AS return_mean,
        stddev_samp(return) AS return_std
    FROM runs LEFT JOIN per_run USING (run_id)
    GROUP BY method
)
SELECT
    per_method.method,
    label,
    n,
    n_expected,
    rate(success_mean) AS success_mean,
    rate(success_std) AS success_std,
    success_low,
    success_high,
    rate(teacher_success_mean) AS teacher_success_mean,
    task_return(return_mean) AS return_mean,
    task_return(return_std) AS return_std,
    paper.mean::DECIMAL(18, 2) AS paper_mean,
    paper.std::DECIMAL(18, 2) AS paper_std
FROM per_method LEFT JOIN paper  -- whose numbers are the drawer's
    ON artefact = 'table1' AND paper.method = per_method.method AND simulator IS DISTINCT FROM 'grid'
ORDER BY method_rank(per_method.method), per_method.method;
COMMENT ON VIEW table1 IS 'Table 1: success rates over seeds, ours beside the paper''s.';
COMMENT ON COLUMN table1.method IS 'Name of the method.';
COMMENT ON COLUMN table1.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN table1.n IS 'Finished runs (seeds) whose student was evaluated, 1.';
COMMENT ON COLUMN table1.n_expected IS 'Runs the experiment asks for, 1.';
COMMENT ON COLUMN table1.success_mean IS 'Success rate of the student, mean over seeds, 1.';
COMMENT ON COLUMN table1.success_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN table1.success_low IS 'Lower end of its 95 % t-interval over seeds, cut at 0, 1; NULL for a single run.';
COMMENT ON COLUMN table1.success_high IS 'Upper end of its 95 % t-interval over seeds, cut at 1, 1; NULL for a single run.';
COMMENT ON COLUMN table1.teacher_success_mean IS 'Success rate of the teacher, mean over seeds, 1.';
COMMENT ON COLUMN table1.return_mean IS 'Return of the student, mean over seeds, 1.';
COMMENT ON COLUMN table1.return_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN table1.paper_mean IS 'The paper''s success rate, 1; NULL for methods the paper does not have.';
COMMENT ON COLUMN table1.paper_std IS 'The paper''s standard deviation over three seeds, 1.';

CREATE VIEW figure3 AS
SELECT
    method,
    any_value(label) AS label,
    policy,
    round(avg(training.env_steps))::BIGINT AS env_steps,
    count(*) AS n,
    task_return(avg(return_mean)) AS return_mean,
    task_return(stddev_samp(return_mean)) AS return_std,
    rate(avg(success_rate)) AS success_mean
FROM training JOIN runs USING (run_id)
WHERE method <> 'blind'  -- the control's teacher is joint's
GROUP BY method, policy, iteration
ORDER BY method_rank(method), method, policy, env_steps;
COMMENT ON VIEW figure3 IS 'Figure 3: return over environment steps, mean over seeds at each evaluation; without the control.';
COMMENT ON COLUMN figure3.method IS 'Name of the method.';
COMMENT ON COLUMN figure3.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN figure3.policy IS 'Who acts: teacher or student.';
COMMENT ON COLUMN figure3.env_steps IS 'Control steps of training before this evaluation, mean over seeds, 1.';
COMMENT ON COLUMN figure3.n IS 'Runs (seeds) averaged, 1.';
COMMENT ON COLUMN figure3.return_mean IS 'Return, mean over seeds, 1.';
COMMENT ON COLUMN figure3.return_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN figure3.success_mean IS 'Success rate, mean over seeds, 1.';

CREATE VIEW paper_comparison AS
SELECT
    method,
    label,
    success_mean AS our_mean,
    success_std AS our_std,
    n,
    paper_mean,
    paper_std,
    success_mean - paper_mean AS difference
FROM table1
WHERE paper_mean IS NOT NULL
ORDER BY method_rank(method), method;
COMMENT ON VIEW paper_comparison IS 'Our success rates minus the paper''s, for the paper''s methods.';
COMMENT ON COLUMN paper_comparison.method IS 'Name of the method.';
COMMENT ON COLUMN paper_comparison.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN paper_comparison.our_mean IS 'Our success rate of the student, mean over seeds, 1.';
COMMENT ON COLUMN paper_comparison.our_std IS 'Our sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN paper_comparison.n IS 'Finished runs (seeds) of ours, 1.';
COMMENT ON COLUMN paper_comparison.paper_mean IS 'The paper''s success rate, 1.';
COMMENT ON COLUMN paper_comparison.paper_std IS 'The paper''s standard deviation over three seeds, 1.';
COMMENT ON COLUMN paper_comparison.difference IS 'our_mean - paper_mean, 1.';

CREATE VIEW visibility AS
WITH per_run AS (
    SELECT run_id, policy, avg(handle_visible) AS visible, avg(handle_visible_at_contact) AS at_contact
    FROM episodes
    GROUP BY run_id, policy
)
SELECT
    method,
    any_value(label) AS label,
    policy,
    count(visible) AS n,
    rate(avg(visible)) AS visible_mean,
    rate(stddev_samp(visible)) AS visible_std,
    rate_low(visible, 0) AS visible_low,
    rate_high(visible, 1) AS visible_high,
    count(at_contact) AS at_contact_n,
    rate(avg(at_contact)) AS at_contact_mean,
    rate(stddev_samp(at_contact)) AS at_contact_std,
    rate_low(at_contact, 0) AS at_contact_low,
    rate_high(at_contact, 1) AS at_contact_high
FROM per_run JOIN runs USING (run_id)
WHERE simulator <> 'grid'  -- the maze has no handle
GROUP BY method, policy
ORDER BY method_rank(method), method, policy;
COMMENT ON VIEW visibility IS 'How much of the handle the robot leaves to the student''s camera, over seeds.';
COMMENT ON COLUMN visibility.method IS 'Name of the method.';
COMMENT ON COLUMN visibility.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN visibility.policy IS 'Who acts: teacher or student.';
COMMENT ON COLUMN visibility.n IS 'Runs (seeds) with the handle in the image, 1.';
COMMENT ON COLUMN visibility.visible_mean IS 'episodes.handle_visible, mean over seeds, 1.';
COMMENT ON COLUMN visibility.visible_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN visibility.visible_low IS 'Lower end of its 95 % t-interval over seeds, cut at 0, 1; NULL for a single run.';
COMMENT ON COLUMN visibility.visible_high IS 'Upper end of its 95 % t-interval over seeds, cut at 1, 1; NULL for a single run.';
COMMENT ON COLUMN visibility.at_contact_n IS 'Runs (seeds) in which the robot touched the handle, 1.';
COMMENT ON COLUMN visibility.at_contact_mean IS 'episodes.handle_visible_at_contact of the episodes with contact, mean over seeds, 1.';
COMMENT ON COLUMN visibility.at_contact_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN visibility.at_contact_low IS 'Lower end of its 95 % t-interval over seeds, cut at 0, 1; NULL for a single run.';
COMMENT ON COLUMN visibility.at_contact_high IS 'Upper end of its 95 % t-interval over seeds, cut at 1, 1; NULL for a single run.';

CREATE VIEW maze AS
WITH per_run AS (
    SELECT
        run_id,
        policy,
        avg((ending = 'target')::INTEGER) AS target,
        avg((ending = 'lava')::INTEGER) AS lava,
        avg((ending = 'time-out')::INTEGER) AS time_out,
        -- Whoever has taken the path has earned more than the target alone.
        avg((ending = 'target' AND "return" <= (config->>'$.task.reward.target')::DOUBLE)::INTEGER) AS around,
        avg(length) FILTER (ending = 'target') AS steps
    FROM episodes JOIN runs USING (run_id)
    WHERE ending IS NOT NULL
    GROUP BY run_id, policy
)
SELECT
    method,
    any_value(label) AS label,
    policy,
    count(*) AS n,
    rate(avg(target)) AS target_mean,
    rate(stddev_samp(target)) AS target_std,
    rate(avg(lava)) AS lava_mean,
    rate(stddev_samp(lava)) AS lava_std,
    rate(avg(time_out)) AS time_out_mean,
    rate(stddev_samp(time_out)) AS time_out_std,
    rate(avg(around)) AS around_mean,
    rate(stddev_samp(around)) AS around_std,
    task_return(avg(steps)) AS steps_mean
FROM per_run JOIN runs USING (run_id)
GROUP BY method, policy
ORDER BY method_rank(method), method, policy;
COMMENT ON VIEW maze IS 'How the episodes of the maze ended, over seeds; no rows for the drawer.';
COMMENT ON COLUMN maze.method IS 'Name of the method.';
COMMENT ON COLUMN maze.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN maze.policy IS 'Who acts: teacher or student.';
COMMENT ON COLUMN maze.n IS 'Runs (seeds) averaged, 1.';
COMMENT ON COLUMN maze.target_mean IS 'Part of the episodes that reached the target, mean over seeds, 1: the success rate.';
COMMENT ON COLUMN maze.target_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN maze.lava_mean IS 'Part of the episodes that ended in lava, mean over seeds, 1.';
COMMENT ON COLUMN maze.lava_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN maze.time_out_mean IS 'Part of the episodes whose time ran out, mean over seeds, 1.';
COMMENT ON COLUMN maze.time_out_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN maze.around_mean IS 'Part of the episodes that reached the target and earned no path cell on the way, mean over seeds, 1.';
COMMENT ON COLUMN maze.around_std IS 'Its sample standard deviation over seeds, 1; NULL for a single run.';
COMMENT ON COLUMN maze.steps_mean IS 'Control steps of the episodes that reached the target, mean over the seeds that have any, 1; NULL if none has.';

CREATE VIEW comparisons AS
WITH claims AS (
    FROM (VALUES
        ('dagger', 'bc'), ('joint', 'dagger'), ('joint_aligned', 'joint'),
        ('joint_penalty', 'joint'), ('joint_gradient', 'joint'),
        ('maze_aligned', 'joint'), ('maze_added', 'joint'), ('joint_top', 'joint'),
        ('bc', 'blind'), ('dagger', 'blind'), ('joint', 'blind'), ('joint_aligned', 'blind')
    ) AS claims(method, baseline)
),
per_run AS (
    SELECT method, label, runs.seed AS seed, avg(success::INTEGER) AS success
    FROM runs LEFT JOIN (FROM episodes WHERE policy = 'student') AS episodes USING (run_id)
    GROUP BY ALL
),
every_pair AS (
    SELECT
        claims.*,
        better.label AS label,
        worse.label AS baseline_label,
        better.seed = worse.seed AS same_seed,
        better.success - worse.success AS difference
    FROM claims
    JOIN per_run AS better ON better.method = claims.method
    JOIN per_run AS worse ON worse.method = claims.baseline
)
SELECT
    method,
    coalesce(any_value(label), method) AS label,
    baseline,
    coalesce(any_value(baseline_label), baseline) AS baseline_label,
    count(paired) AS n,
    count(*) FILTER (same_seed) AS n_expected,
    rate(avg(paired)) AS difference,
    rate_low(paired, -1) AS difference_low,
    rate_high(paired, 1) AS difference_high,
    rate(avg((1 + sign(difference)) / 2)) AS probability_of_improvement
FROM (SELECT *, CASE WHEN same_seed THEN difference END AS paired FROM every_pair)
GROUP BY method, baseline
ORDER BY baseline = 'blind', method_rank(method);
COMMENT ON VIEW comparisons IS 'Success rates of the students in the pairs the paper orders, of each pressure alone and none, and of each method and the control: method minus baseline.';
COMMENT ON COLUMN comparisons.method IS 'The method that should be at least as good.';
COMMENT ON COLUMN comparisons.label IS 'Its name in tables and figures.';
COMMENT ON COLUMN comparisons.baseline IS 'The method it is compared with.';
COMMENT ON COLUMN comparisons.baseline_label IS 'Its name in tables and figures.';
COMMENT ON COLUMN comparisons.n IS 'Seeds on which both have a finished run, 1.';
COMMENT ON COLUMN comparisons.n_expected IS 'Seeds on which the experiment asks for both, 1.';
COMMENT ON COLUMN comparisons.difference IS 'Success rate of the method minus that of the baseline on the same seed, mean over seeds, 1.';
COMMENT ON COLUMN comparisons.difference_low IS 'Lower end of its 95 % paired t-interval, cut at -1, 1; NULL for a single seed.';
COMMENT ON COLUMN comparisons.difference_high IS 'Upper end of its 95 % paired t-interval, cut at 1, 1; NULL for a single seed.';
COMMENT ON COLUMN comparisons.probability_of_improvement IS 'Part of all pairs of a run of the method and a run of the baseline, of whatever seeds, in which the method has the higher success rate; ties count half, 1.';

CREATE VIEW teachers AS
WITH per_run AS (
    SELECT
        method,
        label,
        runs.seed AS seed,
        avg(success::INTEGER)::DOUBLE AS success,
        avg("return") AS return,
        avg(handle_visible) AS visible,
        avg(handle_visible_at_contact) AS at_contact
    FROM runs JOIN episodes USING (run_id)
    WHERE policy = 'teacher' AND config->>'$.method.algorithm' = 'joint'  -- the others' teachers are joint's
    GROUP BY ALL
),
measured AS (FROM per_run UNPIVOT (value FOR measure IN (success, return, visible, at_contact))),
paired AS (
    SELECT measured.*, measured.value - plain.value AS difference
    FROM measured LEFT JOIN measured AS plain
        ON plain.method = 'joint' AND measured.method <> 'joint'
        AND plain.seed = measured.seed AND plain.measure = measured.measure
)
SELECT
    method,
    any_value(label) AS label,
    measure,
    count(*) AS n,
    rate(avg(value)) AS mean,
    -- A return has no bounds (NULL).
    rate_low(value, CASE WHEN measure <> 'return' THEN 0 END) AS low,
    rate_high(value, CASE WHEN measure <> 'return' THEN 1 END) AS high,
    count(difference) AS n_paired,
    rate(avg(difference)) AS difference,
    rate_low(difference, CASE WHEN measure <> 'return' THEN -1 END) AS difference_low,
    rate_high(difference, CASE WHEN measure <> 'return' THEN 1 END) AS difference_high
FROM paired
GROUP BY method, measure
ORDER BY list_position(['success', 'return', 'visible', 'at_contact'], measure), method_rank(method), method;
COMMENT ON VIEW teachers IS 'The teachers of joint training in the final evaluation, over seeds, and what each has more than the plain one.';
COMMENT ON COLUMN teachers.method IS 'Name of the method.';
COMMENT ON COLUMN teachers.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN teachers.measure IS 'What is averaged per run first: success, return, visible (episodes.handle_visible) or at_contact (episodes.handle_visible_at_contact).';
COMMENT ON COLUMN teachers.n IS 'Runs (seeds) averaged, 1.';
COMMENT ON COLUMN teachers.mean IS 'Mean over seeds, 1.';
COMMENT ON COLUMN teachers.low IS 'Lower end of its 95 % t-interval over seeds, but for returns cut at 0, 1; NULL for a single run.';
COMMENT ON COLUMN teachers.high IS 'Upper end of its 95 % t-interval over seeds, but for returns cut at 1, 1; NULL for a single run.';
COMMENT ON COLUMN teachers.n_paired IS 'Seeds on which joint has a value too, 1; 0 for joint itself.';
COMMENT ON COLUMN teachers.difference IS 'Value minus that of joint on the same seed, mean over seeds, 1; NULL for joint itself.';
COMMENT ON COLUMN teachers.difference_low IS 'Lower end of its 95 % paired t-interval, but for returns cut at -1, 1; NULL for a single seed.';
COMMENT ON COLUMN teachers.difference_high IS 'Upper end of its 95 % paired t-interval, but for returns cut at 1, 1; NULL for a single seed.';

CREATE VIEW sweep AS
WITH per_run AS (
    SELECT
        run_id,
        method,
        label,
        (config->>'$.method.lambda_penalty')::DOUBLE AS lambda_penalty,
        (config->>'$.method.lambda_gradient')::DOUBLE AS lambda_gradient,
        images_rendered / env_steps AS images_share,
        avg(success::INTEGER) AS success
    FROM runs JOIN episodes USING (run_id)
    WHERE policy = 'student' AND config->>'$.method.algorithm' = 'joint'
    GROUP BY ALL
),
centre AS (SELECT DISTINCT lambda_penalty, lambda_gradient, images_share FROM per_run WHERE method = 'joint_aligned'),
-- A run belongs to a setting if it differs from joint_aligned in nothing but that.
varied AS (
    SELECT 'lambda_penalty' AS setting, lambda_penalty AS value, *
    FROM per_run SEMI JOIN centre USING (lambda_gradient, images_share)
    UNION ALL
    SELECT 'lambda_gradient', lambda_gradient, * FROM per_run SEMI JOIN centre USING (lambda_penalty, images_share)
    UNION ALL
    SELECT 'images_share', images_share, * FROM per_run SEMI JOIN centre USING (lambda_penalty, lambda_gradient)
),
expected AS (SELECT method, count(*) AS n_expected FROM runs GROUP BY method)
SELECT
    setting,
    value,
    method,
    any_value(label) AS label,
    count(*) AS n,
    any_value(n_expected) AS n_expected,
    rate(avg(success)) AS success_mean,
    rate_low(success, 0) AS success_low,
    rate_high(success, 1) AS success_high
FROM varied JOIN expected USING (method)
GROUP BY setting, value, method
ORDER BY setting, value, method;
COMMENT ON VIEW sweep IS 'The student''s success where one of lambda_penalty, lambda_gradient and images_share differs from joint_aligned, or none.';
COMMENT ON COLUMN sweep.setting IS 'What is varied: lambda_penalty, lambda_gradient or images_share.';
COMMENT ON COLUMN sweep.value IS 'Its value, 1; images_share: images rendered for training over control steps of training.';
COMMENT ON COLUMN sweep.method IS 'Name of the method.';
COMMENT ON COLUMN sweep.label IS 'Name of the method in tables and figures.';
COMMENT ON COLUMN sweep.n IS 'Finished runs (seeds), 1.';
COMMENT ON COLUMN sweep.n_expected IS 'Runs the experiment asks for, 1.';
COMMENT ON COLUMN sweep.success_mean IS 'Success rate of the student, mean over seeds, 1.';
COMMENT ON COLUMN sweep.success_low IS 'Lower end of its 95 % t-interval over seeds, cut at 0, 1; NULL for a single run.';
COMMENT ON COLUMN sweep.success_high IS 'Upper end of its 95 % t-interval over seeds, cut at 1, 1; NULL for a single run.';
