-- title: Table 1: students of a transferred teacher
-- kind: table
-- split: test, after the last epoch; learning rate and weight decay were chosen for lt on dev
WITH pair AS (
    SELECT s.study, s.dataset, s.model, s.teacher, s.tau, s.seed, s.lt, s.value, s.pi,
        (SELECT v.value FROM result v WHERE v.run = s.teacher_run
            AND v.key = (SELECT id FROM metric_key WHERE name = s.metric)) AS teacher_value
    FROM v_study s
    WHERE s.objective = 'kd' AND s.metric = 'test/accuracy'
)
SELECT dataset, model, teacher, tau, count(*) AS n,
    round(avg(teacher_value), 2) AS teacher_accuracy, round(avg(lt), 2) AS lt,
    round(sd(lt), 2) AS lt_sd, round(avg(value), 2) AS kd, round(sd(value), 2) AS kd_sd,
    round(avg(pi), 2) AS pi, round(sd(pi), 2) AS pi_sd
FROM pair
GROUP BY study, dataset, model, teacher, tau
ORDER BY study, dataset, tau;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
