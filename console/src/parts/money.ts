const format = (digits: number) =>
  new Intl.NumberFormat("en", {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
const [cents, exact] = [format(2), format(4)];

/** US dollars: to the cent, and of less than ten cents to a hundredth of one. */
export const dollars = (usd: number): string =>
  (usd !== 0 && Math.abs(usd) < 0.1 ? exact : cents).format(usd);
