import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { colour, colours } from "../app/theme.ts";

export interface Series {
  label: string;
  /** A colour of the theme. */
  tone: string;
  /** A value for each instant. Null if there is none. */
  values: (number | null)[];
}

/**
 * A chart of numbers over time: stacked `bars` for sums of whole days, otherwise lines. The page
 * also has the numbers as a table or figures, for people who cannot see the chart.
 */
export function Chart(props: {
  label: string;
  /** Seconds since 1970. */
  times: number[];
  series: Series[];
  bars?: boolean;
  height?: number;
  format?(value: number): string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { times, series, bars = false, height = 190, format = String } = props;
  void colours.value;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const stacked = bars ? stack(series) : series;
    const text = { stroke: colour("muted"), font: "11px Inter Variable" };
    const grid = { stroke: colour("line"), width: 1 };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false },
        scales: {
          x: {
            time: true,
            ...(bars && { range: (_, first, last) => [first - halfDay, last + halfDay] }),
          },
          y: { range: (_, __, most) => [0, Math.max(most * 1.1, 0.0001)] },
        },
        axes: [
          {
            ...text,
            grid: { show: false },
            ticks: { show: false },
            size: 32,
            ...(bars && {
              space: 70,
              values: (_, ticks) => ticks.map((at) => day.format(at * 1_000)),
            }),
          },
          {
            ...text,
            grid,
            ticks: { show: false },
            size: 64,
            values: (_, ticks) => ticks.map(format),
          },
        ],
        series: [
          {},
          ...stacked.map(({ label, tone }) => ({
            label,
            stroke: colour(tone),
            fill: bars ? colour(tone) : colour(`${tone}-ground`),
            width: bars ? 0 : 1.6,
            points: { show: false },
            ...(bars && asBars),
          })),
        ],
      },
      [times, ...stacked.map(({ values }) => values)],
      element,
    );
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.destroy();
    };
  }, [times, series, bars, height, colours.value]);
  return <div class="chart" ref={box} role="img" aria-label={props.label} />;
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/**
 * Half a day in seconds. The axis begins and ends this much outside of the data, so that the first
 * and the last bar fit.
 */
const halfDay = 43_200;
const paths = uPlot.paths.bars?.({ size: [0.7, 44], radius: 0.1 });
const asBars = paths ? { paths } : {};

/** Each bar is drawn in front of the taller ones, so the tallest is drawn first. */
function stack(series: Series[]): Series[] {
  const sums: number[] = [];
  const stacked = series.map((one) => ({
    ...one,
    values: one.values.map((value, at) => {
      sums[at] = (sums[at] ?? 0) + (value ?? 0);
      return sums[at];
    }),
  }));
  return stacked.reverse();
}
