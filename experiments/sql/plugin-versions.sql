-- title: runs by the version of the plugins that made them, newest first
SELECT p.kind, p.name AS plugin, p.version, substr(p.sha256, 1, 12) AS file,
    p.abi_major || '.' || p.abi_minor AS abi, count(*) AS runs,
    count(iif(r.status = 'done', 1, NULL)) AS done, date(min(r.created), 'unixepoch') AS first,
    date(max(r.created), 'unixepoch') AS last
FROM run_plugin p
    JOIN run r ON r.id = p.run
GROUP BY p.kind, p.name, p.version, p.sha256
ORDER BY p.kind, p.name, max(r.created) DESC;
