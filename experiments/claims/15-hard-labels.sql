-- title: The teacher's hard labels give a smaller gain than its logits, most at small kappa
-- kind: claim
-- from: ../fig8/small.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/ends.sql
-- statistics: accuracy of KD - of hard-KD > 0 at each kappa < 1; larger at the smallest kappa than
--   at the largest; one-sided paired t at 95 %
WITH difference AS (
    SELECT a.study, a.dataset, a.model, a.teacher, a.kappa, a.seed, a.value - b.value AS d
    FROM pair a
        JOIN pair b ON b.lt_uid = a.lt_uid AND b.metric = a.metric AND b.kappa = a.kappa
            AND b.objective = 'hardkd' AND b.teacher_run = a.teacher_run
    WHERE a.objective = 'kd' AND a.tau = 20 AND a.metric = 'test/accuracy' AND a.kappa < 1
)
SELECT * FROM verdict;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND kappa < 1
    AND (objective IN ('lt', 'hardkd') OR objective = 'kd' AND tau = 20);
