-- title: kappa*: where label training meets distillation
-- kind: table
-- with: ../base/headline.sql ../base/kappa-star.sql
-- split: test, after the last epoch; nothing was selected
-- note: First downward crossing of the mean gain through 1, linear in log kappa, at tau 20, of
--   text at tau 1.
SELECT study, dataset, model, teacher, n, round(largest_pg, 3) AS largest_pg,
    round(kappa_star, 3) AS kappa_star, why
FROM star
ORDER BY study, dataset, teacher;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
