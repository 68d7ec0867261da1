/**
 * A share from 0 to 1 as a bar. Screen readers ignore the bar, because the text next to it has the
 * number.
 */
export function Meter({ of, height = 4 }: { of: number; height?: number }) {
  return (
    <svg viewBox={`0 0 100 ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <rect width="100" height={height} class="bar-all" />
      <rect width={100 * Math.max(0, Math.min(1, of))} height={height} class="bar-used" />
    </svg>
  );
}
