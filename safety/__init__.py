"""What may be shown: rules that turn scores into decisions.

A `Policy` is a short TOML document (``spec/policy.md``). Its `judge` is pure, and in doubt it withholds::

    from intaglio.safety import default_policy

    decision = default_policy().judge(scores)
    if not decision.released:
        print(*decision.reasons(), sep="\\n")

A category that nobody scored breaks its rule, a policy without rules is an error, and of several broken
rules the strongest action wins.
"""

from intaglio.safety.blur import blurred
from intaglio.safety.policy import Decision, Finding, Policy, Rule, default_policy, read_policy

__all__ = ["Decision", "Finding", "Policy", "Rule", "blurred", "default_policy", "read_policy"]
