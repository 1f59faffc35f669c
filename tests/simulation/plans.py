"""Plans drawn at random: small, with every policy, so that they meet often.

What few plans have is drawn seldom: it must not keep the rest from meeting.
"""

POLICIES = ("on-failure", "on-failure", "always", "never")
SCOPES = ("tree", "tree", "group", "process")
LASTS = ("", "", "group", "tree")
OVERLAPS = ("skip", "queue", "replace")
EXITS = ("fail-fast", "fail-fast", "all-done", "never")
CONDITIONS = ("started", "started", "completed", "ready", "done")
STDINS = ("null",) * 9 + ("pipe", "inherit", "socket:s", "socket:s")
MANY = 36  # instances of one program: more than a chunk of the table has rows


def draw(core, rng, *, serial=0, like=None):
    """Return a plan of one to five programs, each needing only earlier ones.

    With another plan that it is to be `like`, some programs are as they were, and of others only
    the policy is another.
    """
    plan = core.plan
    processes = []
    programs = [f"p{n}" for n in range(rng.randint(1, 5))]
    for number, program in enumerate(programs):
        if serial and rng.random() < 0.2:
            continue  # this one is gone in the next plan
        sample = program_plan(core, rng, program, programs[:number])
        old = [each for each in like.processes if each.program == program] if like else []
        if old and rng.random() < 0.6:
            sample = _alike(core, rng, old[0], sample)
        count = rng.choice((1, 1, 1, 2, 3))
        for instance in range(count):
            key = f"{program}:{instance}"
            name = key if count > 1 else program
            processes.append(core.record.replace(sample, key=key, name=name, instance=instance))
    if not serial and rng.random() < 0.04:
        processes = []
    if rng.random() < 0.3 or not processes:
        sample = program_plan(core, rng, "own", [])
        processes.append(core.record.replace(sample, hidden=True, autostart=rng.random() < 0.7))
    there = {each.program for each in processes}
    processes = [
        core.record.replace(
            each, depends=tuple([need for need in each.depends if need.program in there])
        )
        for each in processes
    ]
    shown = [each.program for each in processes if not each.hidden]
    exits = [*EXITS, f"main:{shown[0]}"] if shown else EXITS
    init = plan.InitPlan(
        exit=rng.choice(exits),
        stop_budget=rng.choice((2.0, 9.0, 30.0)),
        drain_delay=rng.choice((0.0, 0.0, 0.0, 1.5)),
        signals=rng.choice(((), (), ((12, f"forward:{programs[0]}"),), ((1, "restart"),))),
        stop_order=rng.choice(("graph", "graph", "groups")),
    )
    return plan.Plan(init, tuple(processes))


def many(core, rng):
    """Return a plan with more processes than a chunk of the table has rows."""
    plan = draw(core, rng)
    calm = core.plan.Restart(max=3)  # so many that come again at once would be all that happens
    sample = core.record.replace(program_plan(core, rng, "many", ["p0"]), restart=calm)
    processes = [
        core.record.replace(sample, key=f"many:{n}", name=f"many:{n}", instance=n)
        for n in range(MANY)
    ]
    return core.record.replace(plan, processes=(*plan.processes, *processes))


def _alike(core, rng, old, new):
    """Return a plan whose runs are as those of `old`, and that may be `old` itself."""
    if rng.random() < 0.4:
        return old
    kept = ("launch", "kind", "schedule", "on_demand", "idle_exit", "ready", "live", "sockets")
    return core.record.replace(
        new, places=old.places, **{field: getattr(old, field) for field in kept}
    )


def program_plan(core, rng, program, earlier):
    """Return one program's plan, as its instance 0."""
    plan = core.plan
    ready = None
    if rng.random() < 0.3:
        timeout = rng.choice((0.5, 2.0, 5.0))
        ready = plan.Ready("notify", timeout=timeout, interval=rng.choice((1.0, 0.2)))
    kind = rng.choice(("service", "service", "service", "oneshot", "oneshot", "forking"))
    schedule = None
    if kind == "oneshot" and rng.random() < 0.5:
        schedule = plan.Schedule(every=60.0, overlap=rng.choice(OVERLAPS))
    on_demand = kind == "service" and rng.random() < 0.2
    needs = rng.sample(earlier, rng.randint(0, min(2, len(earlier))))
    sockets = rng.choice(((), ("s",)))
    return plan.ProcessPlan(
        key=f"{program}:0",
        name=program,
        program=program,
        group=rng.choice(("g", "h", program)),
        sockets=sockets,
        places=(rng.choice(("unix:/s", "unix:/s", "unix:/t")),) if sockets else (),
        launch=plan.Launch(
            (f"/bin/{program}", str(rng.randint(0, 2))),
            stdin=rng.choice(STDINS),
            terminal=rng.random() < 0.03,
            limits=rng.choice(((), (), (plan.Limit("nofile", 512),))),
        ),
        kind=kind,
        schedule=schedule,
        autostart=rng.random() < (0.2 if on_demand else 0.85),
        on_demand=on_demand,
        idle_exit=5.0 if on_demand and rng.random() < 0.8 else 0.0,
        critical=rng.random() < 0.6,
        depends=tuple([_dependency(core, rng, need) for need in needs]),
        restart=plan.Restart(
            policy=rng.choice(POLICIES),
            delay=rng.choice((0.0, 0.5, 0.5)),
            factor=rng.choice((2.0, 2.0, 1.0)),
            max_delay=rng.choice((30.0, 30.0, 1.5)),
            jitter=rng.choice((0.1, 0.1, 0.0)),
            window=rng.choice((5.0, 60.0)),
            max=rng.choice((0, 1, 3, 5)),
            retries=rng.choice((None, None, None, 0, 2, 3)),
        ),
        priority=rng.choice((999, 1)),
        group_priority=rng.choice((1, 999)),
        success_codes=rng.choice(((0,), (0,), (0, 3))),
        hooks=rng.choice((None, None, None, plan.Hooks(post_stop=("after",)))),
        start_s=rng.choice((0.0, 1.0, 1.0)),
        ready=ready,
        live=_live(core, rng),
        pool=plan.Pool(("TICK_60",)) if rng.random() < 0.05 else None,
        stop=plan.Stop(
            signals=rng.choice(((15,), (15,), (2, 15), (1, 2, 15))),
            timeout=rng.choice((0.5, 0.5, 3.0, 3.0, 10.0, 10.0, 0.0)),
            kill=rng.choice(SCOPES),
            dump_signal=rng.choice((0, 0, 3)),
            last=rng.choice(LASTS),
        ),
    )


def _dependency(core, rng, program):
    timeout = rng.choice((0.0, 0.0, 0.0, 0.7, 4.0))
    return core.plan.Dependency(program, rng.choice(CONDITIONS), timeout, rng.random() < 0.7)


def _live(core, rng):
    """Return how a run shows that it lives; what comes of it is told by whoever looks."""
    if rng.random() < 0.7:
        return None
    return core.plan.Live(rng.choice(("watchdog", "tcp")), interval=rng.choice((5.0, 10.0)))
