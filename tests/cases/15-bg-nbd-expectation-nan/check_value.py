from crmlab.sim.clv_models import BGNBD

print(
    [float(BGNBD(3, 0.5, 2, 198).expected_orders(t)) for t in (4, 52, 104)], float(BGNBD(3, 0.5, 2, 198).survival(104))
)
