"""supervisord's API without a server: every method asks verbs of the control socket, and answers.

    steps = dispatch.begin("supervisor.startProcess", ["web"])   # yields Call(verb, args)
    value = dispatch.run(steps, client.call)                     # or drive it asynchronously

Raises faults.Fault where supervisord answers with a fault.
"""
