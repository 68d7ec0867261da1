const format = (digits: number) =>
  new Intl.NumberFormat("en", {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
const [cents, exact] = [format(2), format(4)];

/** US dollars, to the cent. Amounts below ten cents are shown to a hundredth of a cent. */
export const dollars = (usd: number): string =>
  (usd !== 0 && Math.abs(usd) < 0.1 ? exact : cents).format(usd);

/** What something has cost. A dash if no part of it had a price. */
export const costOf = ({ usd, unpriced }: { usd: number; unpriced: number }): string =>
  usd === 0 && unpriced > 0 ? "–" : dollars(usd);
