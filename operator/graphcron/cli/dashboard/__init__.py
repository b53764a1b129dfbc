"""``kubectl graphcron dashboard``: a local page on the GraphCrons, with the rights of the user who starts it.

::

    page_state  GraphCrons as the page shows them
    page_runs   runs as the page shows them
    due_times   when runs are due, and how many are active at a time
    store       what the watches have shown, and what has changed since
    watches     lists and watches through kubectl
    security    who may read and change: the token, the cookie, Host, Origin and the headers of each answer
    commands    actions as the commands of kubectl that they are, and whether the user may
    details     the YAML, the Events and the log of one object, on demand
    live        all of them together, for one cluster
    processes   commands that run
    server      the answers of the HTTP server
    serving     the dashboard from its start to its end
    export      the page with its data in one file
    static/     the page, built from page/
"""
