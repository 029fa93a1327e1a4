"""crmlab: simulated customers for trying marketing and CRM policies before rolling them out.

`crmlab.sim` is the world, `crmlab.strategies` holds the levers, `crmlab.experiments` asks the questions, and
`crmlab.lab` is where notebooks and scripts start. In the repository the three packages are folders of their own at
the top, linked into this one, so that they have one import name in the source tree, an editable install and a wheel.
"""
