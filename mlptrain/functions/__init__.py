"""The supported functions: each a forward rule and its derivatives, written out.

Every module here registers its functions in `mlptrain.autodiff.function.functions`; one test takes
each of them through the gradient check.
"""
