"""Lotteries in full: several arms, pairs, few clusters, permutations, several outcomes, and people who are lost."""
