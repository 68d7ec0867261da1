/** A mayfly, in the colour of the accent. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 12C14.400 6.500 9.500 3.500 4 4c.300 6 5 10 12 10M16 12c1.600-5.500 6.500-8.500 12-8-.300 6-5 10-12 10" />
      <path d="M16 14.500c-3 .400-6 2.600-6.500 6.200 3 .300 5.800-1.700 6.500-4.700m0-1.500c3 .400 6 2.600 6.500 6.200-3 .300-5.800-1.700-6.500-4.700" />
      <path class="logo-body" d="M16 9.500V25" />
      <path d="M16 25c-.400 1.900-1.400 3.400-2.800 4.400M16 25c.400 1.900 1.400 3.400 2.800 4.400" />
    </svg>
  );
}
