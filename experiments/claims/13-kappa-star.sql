-- title: LT meets KD at kappa* of about 1 on self pairs; kappa* falls with P_s / P_t
-- kind: claim
-- from: ../fig7/small.ini ../fig7/small-text.ini
-- with: ../base/headline.sql ../base/pairs.sql ../base/kappa-star.sql
-- statistics: kappa* of the mean curves: self pairs 0.5 to 2; of two pairs of one data set the one
--   with the larger student over teacher has the smaller kappa*
-- note: A number in brackets is P_s / P_t. A pair whose mean curves do not cross has no kappa*.
WITH cost AS ( -- operations for an example stand for the size of nets of one family
    SELECT run, max(flops) / max(samples) AS flops FROM point WHERE flops > 0 GROUP BY run
),
sized AS (
    SELECT s.*, iif(self, 1.0, a.flops / b.flops) AS ratio
    FROM star s
        JOIN run l ON l.uid = s.lt_uid
        LEFT JOIN cost a ON a.run = l.id
        LEFT JOIN cost b ON b.run = s.teacher_run
    WHERE s.kappa_star IS NOT NULL AND s.study IN (SELECT study FROM claimed)
)
SELECT study || ' ' || model || ' from ' || teacher AS part, n,
    round(kappa_star, 3) AS mean, NULL AS sd, '0.5 to 2' AS bound, seeds,
    kappa_star BETWEEN 0.5 AND 2 AS holds
FROM sized
WHERE self
UNION ALL
SELECT a.study || ' (' || printf('%.2f', a.ratio) || ') before ' || b.study || ' ('
        || printf('%.2f', b.ratio) || ')', min(a.n, b.n), round(a.kappa_star, 3), NULL,
    'below ' || round(b.kappa_star, 3), a.seeds, a.kappa_star < b.kappa_star
FROM sized a
    JOIN sized b ON b.dataset = a.dataset AND a.ratio > 1.01 * b.ratio
UNION ALL -- half of the statement is missing
SELECT 'two pairs of different P_s / P_t', NULL, NULL, NULL, '', '', NULL
WHERE EXISTS (SELECT 1 FROM sized) AND NOT EXISTS (SELECT 1 FROM sized a
    JOIN sized b ON b.dataset = a.dataset AND a.ratio > 1.01 * b.ratio);

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher'
    AND (objective = 'lt' OR objective = 'kd' AND tau = iif(model = 'gpt', 1, 20));
