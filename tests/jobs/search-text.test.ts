/** The text of a search field: which words are attributes, and how an attribute is written. */
import { attributeText, splitSearch } from "@mayfly/sdk";
import { expect, it } from "vitest";

it("splits attributes from other words, and leaves addresses and words in quotes alone", () => {
  const split = (text: string) => {
    const { where, containing } = splitSearch(text);
    return [where, containing];
  };
  expect(split("")).toEqual(["", ""]);
  expect(split("customer:acme")).toEqual(["customer:acme", ""]);
  expect(split("lost customer:acme parcel plan:3")).toEqual([
    "customer:acme plan:3",
    "lost parcel",
  ]);
  expect(split('plan:"Team XL" "two words"')).toEqual(['plan:"Team XL"', '"two words"']);
  expect(split('"workflow:publish:1"')).toEqual(["", "workflow:publish:1"]);
  expect(split("https://a.b 12:30 customer: :acme")).toEqual([
    "",
    "https://a.b 12:30 customer: :acme",
  ]);
  expect(split('customer:"acme')).toEqual(["", 'customer:"acme']);
});

it("writes an attribute in the form that finds exactly it", () => {
  const written: [Parameters<typeof attributeText>[1], string][] = [
    ["acme", "a:acme"],
    ["http://a.b/c:1", "a:http://a.b/c:1"],
    ["//a", 'a:"//a"'],
    ["Team XL", 'a:"Team XL"'],
    ['say "hi" \\', 'a:"say \\"hi\\" \\\\"'],
    ["3", 'a:"3"'],
    [3, "a:3"],
    ["true", 'a:"true"'],
    [true, "a:true"],
    ["1.0", "a:1.0"],
  ];
  for (const [value, text] of written) {
    expect(attributeText("a", value)).toBe(text);
    expect(splitSearch(`x ${text} y`)).toEqual({ where: text, containing: "x y" });
  }
});
