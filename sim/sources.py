"""The literature behind the numbers: every citation that a number, a KPI or a page of the documentation carries.

A citation is written as the field writes it ("Kivetz et al. 2006") and found here by exactly these words. `read` says
what of the source was before the eyes of whoever wrote the number down; where it is empty, the figure is cited from
memory and the number's evidence may not say "published" (`EVIDENCE` in `levers.py`). The page docs/bibliography.md is
written from this file.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One work: how it is cited, its full reference, and what of it was read ("" when it is cited from memory)."""

    citation: str
    reference: str
    read: str = ""

    @property
    def anchor(self) -> str:
        """The id of its heading on the page of references, as repository hosts build it."""
        return re.sub(r"[^\w\- ]", "", self.citation.lower()).replace(" ", "-")


_ABSTRACT = "abstract"

_SOURCES = (
    Source("Abe 2009", "M. Abe, 'Counting your customers' one by one: a hierarchical Bayes extension to the Pareto/NBD model, Marketing Science 28(3), 2009"),
    Source("Anderson & Simester 2004", "E. T. Anderson & D. I. Simester, Long-run effects of promotion depth on new versus established customers: three field studies, Marketing Science 23(1), 2004", "abstract and opening pages"),
    Source("Anderson 2012", "D. F. Anderson, An efficient finite difference method for parameter sensitivities of continuous time Markov chains, SIAM Journal on Numerical Analysis 50, 2012", _ABSTRACT),
    Source("Armelini et al. 2015", "G. Armelini, C. Barrot & J. U. Becker, Referral programs, customer value, and the relevance of dyadic characteristics, International Journal of Research in Marketing 32(4), 2015", "as summed up in slides by Van den Bulte et al."),
    Source("Ascarza et al. 2016", "E. Ascarza, R. Iyengar & M. Schleicher, The perils of proactive churn prevention using plan recommendations: evidence from a field experiment, Journal of Marketing Research 53(1), 2016", _ABSTRACT),
    Source("Ataman et al. 2010", "M. B. Ataman, H. J. van Heerde & C. F. Mela, The long-term effect of marketing strategy on brand sales, Journal of Marketing Research 47(5), 2010", _ABSTRACT),
    Source("Barabasi & Albert 1999", "A.-L. Barabasi & R. Albert, Emergence of scaling in random networks, Science 286, 1999"),
    Source("Belli et al. 2022", "A. Belli, A.-M. O'Rourke, F. A. Carrillat, L. Pupovac, V. Melnyk & E. Napolova, 40 years of loyalty programs: how effective are they? Generalizations from a meta-analysis, Journal of the Academy of Marketing Science 50, 147-173, 2022", _ABSTRACT),
    Source("Bijmolt et al. 2005", "T. H. A. Bijmolt, H. J. van Heerde & R. G. M. Pieters, New empirical generalizations on the determinants of price elasticity, Journal of Marketing Research 42(2), 2005", _ABSTRACT),
    Source("Bolton 1998", "R. N. Bolton, A dynamic model of the duration of the customer's relationship with a continuous service provider: the role of satisfaction, Marketing Science 17(1), 1998", _ABSTRACT),
    Source("Bryant & Lempert 2010", "B. P. Bryant & R. J. Lempert, Thinking inside the box: a participatory, computer-assisted approach to scenario discovery, Technological Forecasting and Social Change 77(1), 2010"),
    Source("Complete Journey", "dunnhumby, The Complete Journey 2.0: one year of transactions, campaigns and coupon redemptions of some 2,500 households", "data; rates computed from them"),
    Source("Cooil et al. 2007", "B. Cooil, T. L. Keiningham, L. Aksoy & M. Hsu, A longitudinal analysis of customer satisfaction and share of wallet: investigating the moderating effect of customer characteristics, Journal of Marketing 71(1), 2007", _ABSTRACT),
    Source("DelVecchio et al. 2006", "D. DelVecchio, D. H. Henard & T. H. Freling, The effect of sales promotion on post-promotion brand preference: a meta-analysis, Journal of Retailing 82(3), 2006", _ABSTRACT),
    Source("Dreze & Nunes 2009", "X. Dreze & J. C. Nunes, Feeling superior: the impact of loyalty program structure on consumers' perceptions of status, Journal of Consumer Research 35(6), 2009"),
    Source("Ehrenberg 1959", "A. S. C. Ehrenberg, The pattern of consumer purchases, Applied Statistics 8, 1959"),
    Source("Erlang 1917", "A. K. Erlang, Solution of some problems in the theory of probabilities of significance in automatic telephone exchanges, Elektroteknikeren 13, 1917 (in Danish); Post Office Electrical Engineers' Journal 10, 1917-1918"),
    Source("Fader & Hardie 2009", "P. S. Fader & B. G. S. Hardie, Probability models for customer-base analysis, Journal of Interactive Marketing 23(1), 2009"),
    Source("Fader, Hardie & Lee 2005a", "P. S. Fader, B. G. S. Hardie & K. L. Lee, 'Counting your customers' the easy way: an alternative to the Pareto/NBD model, Marketing Science 24(2), 2005", "abstract and opening pages; the estimates were computed again from the CDNOW sample"),
    Source("Fader, Hardie & Lee 2005b", "P. S. Fader, B. G. S. Hardie & K. L. Lee, RFM and CLV: using iso-value curves for customer base analysis, Journal of Marketing Research 42(4), 2005"),
    Source("Farris et al. 2010", "P. W. Farris, N. T. Bendle, P. E. Pfeifer & D. J. Reibstein, Marketing Metrics: The Definitive Guide to Measuring Marketing Performance, 2nd edition, Pearson, 2010"),
    Source("Friedman & Fisher 1999", "J. H. Friedman & N. I. Fisher, Bump hunting in high-dimensional data, Statistics and Computing 9, 1999"),
    Source("Garnefeld et al. 2013", "I. Garnefeld, A. Eggert, S. V. Helm & S. S. Tax, Growing existing customers' revenue streams through customer referral programs, Journal of Marketing 77(4), 2013", _ABSTRACT),
    Source("Garnett et al. 2002", "O. Garnett, A. Mandelbaum & M. Reiman, Designing a call center with impatient customers, Manufacturing & Service Operations Management 4(3), 2002"),
    Source("Gault et al.", "T. J. Gault, L. Llaguno & M. Menard, Loyalty rewards and gift card programs: basic actuarial estimation techniques, Casualty Actuarial Society E-Forum", _ABSTRACT),
    Source("Glasserman & Yao 1992", "P. Glasserman & D. D. Yao, Some guidelines and guarantees for common random numbers, Management Science 38(6), 1992"),
    Source("Goodman 2006", "J. Goodman, Manage complaints to enhance loyalty, Quality Progress 39(2), 2006", "figures on practitioner pages"),
    Source("Greenleaf 1995", "E. A. Greenleaf, The impact of reference price effects on the profitability of price promotions, Marketing Science 14(1), 1995"),
    Source("Gustafsson et al. 2005", "A. Gustafsson, M. D. Johnson & I. Roos, The effects of customer satisfaction, relationship commitment dimensions, and triggers on customer retention, Journal of Marketing 69(4), 2005"),
    Source("Halfin & Whitt 1981", "S. Halfin & W. Whitt, Heavy-traffic limits for queues with many exponential servers, Operations Research 29(3), 1981"),
    Source("Hardie et al. 1993", "B. G. S. Hardie, E. J. Johnson & P. S. Fader, Modeling loss aversion and reference dependence effects on brand choice, Marketing Science 12(4), 1993"),
    Source("Hillstrom 2008", "K. Hillstrom, The MineThatData e-mail analytics and data mining challenge: 64,000 customers, 2008", "data; rates computed from them"),
    Source("Jin & Huang 2014", "L. Jin & Y. Huang, When giving money does not work: the differential effects of monetary versus in-kind rewards in referral reward programs, International Journal of Research in Marketing 31(1), 2014", _ABSTRACT),
    Source("Kalyanaram & Little 1994", "G. Kalyanaram & J. D. C. Little, An empirical analysis of latitude of price acceptance in consumer package goods, Journal of Consumer Research 21(3), 1994"),
    Source("Kella & Yechiali 1985", "O. Kella & U. Yechiali, Waiting times in the non-preemptive priority M/M/c queue, Communications in Statistics: Stochastic Models 1(2), 1985"),
    Source("Kitagawa 1955", "E. M. Kitagawa, Components of a difference between two rates, Journal of the American Statistical Association 50, 1955"),
    Source("Kivetz et al. 2006", "R. Kivetz, O. Urminsky & Y. Zheng, The goal-gradient hypothesis resurrected: purchase acceleration, illusionary goal progress, and customer retention, Journal of Marketing Research 43(1), 2006", "abstract; the times between stamps are cited from memory"),
    Source("Klein et al. 2024", "D. J. Klein, R. G. Abeysuriya, R. M. Stuart & C. C. Kerr, Noise-free comparison of stochastic agent-based simulations using common random numbers, arXiv 2409.02086, 2024", _ABSTRACT),
    Source("Knox & van Oest 2014", "G. Knox & R. van Oest, Customer complaints and recovery effectiveness: a customer base approach, Journal of Marketing 78(5), 2014", "abstract and a passage on the simulation"),
    Source("Kumar et al. 2013", "V. Kumar, I. Dalla Pozza & J. Ganesh, Revisiting the satisfaction-loyalty relationship: empirical generalizations and directions for future research, Journal of Retailing 89(3), 2013", _ABSTRACT),
    Source("Kumar et al. 2015", "V. Kumar, Y. Bhagwat & X. Zhang, Regaining 'lost' customers: the predictive power of first-lifetime behavior, the reason for defection, and the nature of the win-back offer, Journal of Marketing 79(4), 2015", _ABSTRACT),
    Source("Kumar, Petersen & Leone 2007", "V. Kumar, J. A. Petersen & R. P. Leone, How valuable is word of mouth?, Harvard Business Review, October 2007", "preview; the figures are cited from memory"),
    Source("Leenheer et al. 2007", "J. Leenheer, H. J. van Heerde, T. H. A. Bijmolt & A. Smidts, Do loyalty programs really enhance behavioral loyalty? An empirical analysis accounting for self-selecting members, International Journal of Research in Marketing 24(1), 2007", _ABSTRACT),
    Source("Leone 1995", "R. P. Leone, Generalizing what is known about temporal aggregation and advertising carryover, Marketing Science 14(3), 1995"),
    Source("Leskovec et al. 2007", "J. Leskovec, L. A. Adamic & B. A. Huberman, The dynamics of viral marketing, ACM Transactions on the Web 1(1), 2007", _ABSTRACT),
    Source("Lewis 2006", "M. Lewis, Customer acquisition promotions and customer asset value, Journal of Marketing Research 43(2), 2006", _ABSTRACT),
    Source("Liu 2007", "Y. Liu, The long-term impact of loyalty programs on consumer purchase behavior and loyalty, Journal of Marketing 71(4), 2007", "abstract and an excerpt of the results"),
    Source("Matos, Henrique & Rossi 2007", "C. A. de Matos, J. L. Henrique & C. A. V. Rossi, Service recovery paradox: a meta-analysis, Journal of Service Research 10(1), 2007", _ABSTRACT),
    Source("Mela et al. 1997", "C. F. Mela, S. Gupta & D. R. Lehmann, The long-term impact of promotion and advertising on consumer brand choice, Journal of Marketing Research 34(2), 1997", "part of the abstract"),
    Source("Meyer-Waarden", "L. Meyer-Waarden, Retail loyalty program effects: self-selection or purchase behavior change?, working paper, EM Strasbourg Business School", _ABSTRACT),
    Source("Mittal & Kamakura 2001", "V. Mittal & W. A. Kamakura, Satisfaction, repurchase intent, and repurchase behavior: investigating the moderating effect of customer characteristics, Journal of Marketing Research 38(1), 2001", _ABSTRACT),
    Source("Mittal, Ross & Baldasare 1998", "V. Mittal, W. T. Ross & P. M. Baldasare, The asymmetric impact of negative and positive attribute-level performance on overall satisfaction and repurchase intentions, Journal of Marketing 62(1), 1998"),
    Source("Neumann & Boeckenholt 2014", "N. Neumann & U. Boeckenholt, A meta-analysis of loss aversion in product choice, Journal of Retailing 90(2), 2014"),
    Source("Nunes & Dreze 2006", "J. C. Nunes & X. Dreze, The endowed progress effect: how artificial advancement increases effort, Journal of Consumer Research 32(4), 2006", "abstract and notes of a secondary page"),
    Source("Oldroyd et al. 2011", "J. B. Oldroyd, K. McElheran & D. Elkington, The short life of online sales leads, Harvard Business Review 89(3), 2011", "article text"),
    Source("Palm 1957", "C. Palm, Research on telephone traffic carried by full availability groups, Tele 1, 1957"),
    Source("Pauwels, Hanssens & Siddarth 2002", "K. Pauwels, D. M. Hanssens & S. Siddarth, The long-term effects of price promotions on category incidence, brand choice, and purchase quantity, Journal of Marketing Research 39(4), 2002", _ABSTRACT),
    Source("Ryu & Feick 2007", "G. Ryu & L. Feick, A penny for your thoughts: referral reward programs and referral likelihood, Journal of Marketing 71(1), 2007", "abstract and executive summary"),
    Source("Salmon et al. 2011", "J. K. Salmon, M. A. Moraes, R. O. Dror & D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, Proceedings of SC11, 2011"),
    Source("Schmitt et al. 2011", "P. Schmitt, B. Skiera & C. Van den Bulte, Referral programs and customer value, Journal of Marketing 75(1), 2011", "abstract; some figures from the text of the authors' article in Harvard Business Review, June 2011, on pages of others"),
    Source("Schmittlein, Morrison & Colombo 1987", "D. C. Schmittlein, D. G. Morrison & R. Colombo, Counting your customers: who are they and what will they do next?, Management Science 33(1), 1987"),
    Source("Sethuraman et al. 2011", "R. Sethuraman, G. J. Tellis & R. A. Briesch, How well does advertising work? Generalizations from meta-analysis of brand advertising elasticities, Journal of Marketing Research 48(3), 2011", _ABSTRACT),
    Source("Shapley 1953", "L. S. Shapley, A value for n-person games, in: Contributions to the Theory of Games II, Princeton University Press, 1953"),
    Source("Stout & Goldie 2008", "N. K. Stout & S. J. Goldie, Keeping the noise down: common random numbers for disease simulation modeling, Health Care Management Science 11(4), 2008", _ABSTRACT),
    Source("Sultan, Farley & Lehmann 1990", "F. Sultan, J. U. Farley & D. R. Lehmann, A meta-analysis of applications of diffusion models, Journal of Marketing Research 27(1), 1990"),
    Source("TARP 1979", "Technical Assistance Research Programs, Consumer complaint handling in America: final report, US Office of Consumer Affairs, 1979", "figures on practitioner pages"),
    Source("Taylor & Neslin 2005", "G. A. Taylor & S. A. Neslin, The current and future sales impact of a retail frequency reward program, Journal of Retailing 81(4), 2005", "abstract; the sizes are cited from memory"),
    Source("Tellis 1988", "G. J. Tellis, The price elasticity of selective demand: a meta-analysis of econometric models of sales, Journal of Marketing Research 25(4), 1988", "a summary by the Marketing Science Institute"),
    Source("Trusov et al. 2009", "M. Trusov, R. E. Bucklin & K. Pauwels, Effects of word-of-mouth versus traditional marketing: findings from an internet social networking site, Journal of Marketing 73(5), 2009", "abstract; the elasticity is cited from memory"),
    Source("Van den Bulte et al. 2018", "C. Van den Bulte, E. Bayer, B. Skiera & P. Schmitt, How customer referral programs turn social capital into economic capital, Journal of Marketing Research 55(1), 2018", "abstract and slides"),
    Source("van Heerde, Leeflang & Wittink 2000", "H. J. van Heerde, P. S. H. Leeflang & D. R. Wittink, The estimation of pre- and postpromotion dips with store-level scanner data, Journal of Marketing Research 37(3), 2000", _ABSTRACT),
    Source("van Heerde & Neslin 2008", "H. J. van Heerde & S. A. Neslin, Sales promotion models, in: B. Wierenga (ed.), Handbook of Marketing Decision Models, Springer, 2008", "opening pages"),
    Source("Villanueva et al. 2008", "J. Villanueva, S. Yoo & D. M. Hanssens, The impact of marketing-induced versus word-of-mouth customer acquisition on customer equity growth, Journal of Marketing Research 45(1), 2008", _ABSTRACT),
    Source("Wagner et al. 2009", "T. Wagner, T. Hennig-Thurau & T. Rudolph, Does customer demotion jeopardize loyalty?, Journal of Marketing 73(3), 2009"),
    Source("Wang et al. 2016", "Y. Wang, M. Lewis, C. Cryder & J. Sprigg, Enduring effects of goal achievement and failure within customer loyalty programs: a large-scale field experiment, Marketing Science 35(4), 2016", _ABSTRACT),
    Source("Watts & Strogatz 1998", "D. J. Watts & S. H. Strogatz, Collective dynamics of 'small-world' networks, Nature 393, 1998"),
    Source("Wilks 1941", "S. S. Wilks, Determination of sample sizes for setting tolerance limits, Annals of Mathematical Statistics 12(1), 1941"),
    Source("Wolters et al. 2020", "H. M. Wolters, C. Schulze & K. Gedenk, Referral reward size and new customer profitability, Marketing Science 39(6), 2020", "a summary in one sentence"),
    Source("Zendesk 2013", "Zendesk, customer service benchmark of some 16,000 firms, 2013", "press release"),
)  # fmt: skip

SOURCES: dict[str, Source] = {source.citation: source for source in _SOURCES}

_MONTHS = "|".join(calendar.month_name[1:] + calendar.month_abbr[1:])
_NAME = r"(?:van |Van den )?[A-Z][A-Za-z'’-]+"
CITATION = re.compile(rf"(?!(?:{_MONTHS})\b){_NAME}(?:(?:, {_NAME})* & {_NAME}| et al\.)? (?:19|20)\d\d[ab]?\b")
_UNDATED = tuple(source.citation for source in _SOURCES if not re.search(r"\d{4}[ab]?$", source.citation))


def cited(text: str) -> Iterator[str]:
    """Every citation in a text, whether or not it stands in `SOURCES`."""
    yield from (match.group() for match in CITATION.finditer(text))
    yield from (citation for citation in _UNDATED if citation in text)
