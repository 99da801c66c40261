-- title: LT meets KD at kappa* of about 1 on self pairs; kappa* falls with P_s / P_t
-- kind: claim
-- statistics: kappa* of the mean curves: self pairs 0.5 to 2; of two pairs of one data set the one
--   with the larger student over teacher has the smaller kappa*
-- note: A number in brackets is P_s / P_t. A pair whose mean curves do not cross has no kappa*.
WITH mean AS (
    SELECT study, dataset, model, teacher, self, kappa, avg(pg) AS pg, count(*) AS n,
        group_concat(seed, ' ') AS seeds, min(lt_uid) AS lt_uid, min(teacher_run) AS teacher_run
    FROM (SELECT * FROM v_study ORDER BY seed)
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, teacher, self, kappa
),
step AS (
    SELECT *, lead(kappa) OVER curve AS next_kappa, lead(pg) OVER curve AS next_pg
    FROM mean
    WINDOW curve AS (PARTITION BY study, dataset, model, teacher ORDER BY kappa)
),
star AS ( -- the first crossing downwards, linear in log kappa
    SELECT study, dataset, model, teacher, self, n, seeds, lt_uid, teacher_run, min(
        exp(ln(kappa) + (pg - 1) / (pg - next_pg) * ln(next_kappa / kappa))) AS kappa_star
    FROM step
    WHERE pg >= 1 AND next_pg < 1
    GROUP BY study, dataset, model, teacher
),
-- Operations for an example of label training stand for the size of nets of one family.
cost AS (
    SELECT run, max(flops) / max(samples) AS flops FROM point WHERE flops > 0 GROUP BY run
),
sized AS (
    SELECT s.*, iif(self, 1.0, a.flops / b.flops) AS ratio
    FROM star s
        JOIN run l ON l.uid = s.lt_uid
        LEFT JOIN cost a ON a.run = l.id
        LEFT JOIN cost b ON b.run = s.teacher_run
)
SELECT study || ' ' || dataset || ' ' || model || ' from ' || teacher AS part, n,
    round(kappa_star, 3) AS mean, NULL AS sd, '0.5 to 2' AS bound, seeds,
    kappa_star BETWEEN 0.5 AND 2 AS holds
FROM sized
WHERE self
UNION ALL
SELECT a.study || ' (' || printf('%.2f', a.ratio) || ') before ' || b.study || ' ('
        || printf('%.2f', b.ratio) || ')', min(a.n, b.n), round(a.kappa_star, 3), NULL,
    'below ' || round(b.kappa_star, 3), a.seeds, a.kappa_star < b.kappa_star
FROM sized a
    JOIN sized b ON b.dataset = a.dataset AND a.ratio > 1.01 * b.ratio;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
