-- title: Fig. 20 to 25: CKA between students, tau 1 and 20
-- kind: figure
-- plot: ../base/heat.gp
-- with: ../base/matrix.sql
-- x: student
-- y: student
-- split: test; nothing was selected
-- note: A student is named by objective and seed. n: test images of one entry. Biased CKA on rows
--   of unit length.
SELECT printf('tau %g, kappa %g', tau, kappa) AS panel, row, col, row_name, col_name, value, n
FROM matrix
ORDER BY tau, kappa, row, col;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
