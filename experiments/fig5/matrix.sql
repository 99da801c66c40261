-- title: Fig. 5: CKA between students
-- kind: figure
-- plot: ../base/heat.gp
-- with: ../base/matrix.sql
-- x: student
-- y: student
-- split: test; nothing was selected
-- note: A student is named by objective and seed. n: test images of one entry. Biased CKA on rows
--   of unit length.
SELECT printf('kappa %g', kappa) AS panel, row, col, row_name, col_name, value, n
FROM matrix
WHERE tau = 20 AND kappa <= 0.2
ORDER BY kappa, row, col;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND (objective = 'lt' OR objective = 'kd' AND tau = 20);
