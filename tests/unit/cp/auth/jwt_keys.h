/* Fixed keys of the tests, made for nothing else, and a token that another program has signed with one of them. */
#ifndef KNARR_TESTS_JWT_KEYS_H
#define KNARR_TESTS_JWT_KEYS_H

static const char rsa_private[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCwfHsVvqTB7Xyd\n"
	"HeU9YH5m7R83QYAz/a265Scy7PHmo9NUBFjE/YyaAbuq5JWnkSlmkj73xv1T/TJg\n"
	"89YqNj7YQLtw407cb9uzc8gLTQxG3mw6I7M33PTk9D0XlmjTgZYn6X4dN+USYpZs\n"
	"QX7cb3e0bdzkkFI1SxCjF5WvvIUXQ7rrCUsEZ7Lt5stbzUa9dQOT4Xl7PqfmAvhI\n"
	"9NtoizIwGazyirLotB+s0CphrhoGD9XIt2LZote6HYjLeNRy9D4IV2ZHb1mi0viA\n"
	"D0ngPZdUXDIfrCepJxL7i5LkEiD2kuENnoxmlAeS+l+AChiqsQaUUkdR13KmsO3L\n"
	"eKfF4U9JAgMBAAECggEAAvoek2fTXKgWZYoXD1l82Fygnax/rqDVWOU7q4q+q97Q\n"
	"lka6fpwuTny//yp68cgrlBzcbg6PwGZxfpwuXSjsF3bEEqvq7SH/6T+HPNWQYvOm\n"
	"jLaEc+lIwkHyc97oJsU1VLgGFhUWyqAaHHpgWvSQZt1BkCN1F4wMHEwuDLhX4GQP\n"
	"aIsyerRLEtkPiFyP2gYQh6c0+rKho6wHdXO7J7228J36pQxvG8X7dypJo7XrPShb\n"
	"YhiO7/2HssGp4sMONE1lABUnU1p8aRgNxMVs7x8nWs+b17R8pQF4p8QOb+DvlB2Q\n"
	"0qc5iT7Xv+7GfAnN/BMM74RoaqDk6lB+l6zzax6C3wKBgQDhplnWAA/W49s4fQYI\n"
	"yrBJkSTNKD7KZJbVheM3Fx/i895EWQeVgcRE1jkd3d0UVtwGQ8Crjpe/KLgNocX3\n"
	"2z1BEOLXUX6MCR0oUIV052fOgQLJXUmoOlkvUkbGoZYE58MxopjTrd5bog0BwnDu\n"
	"PvywEJgyZEgBHnZcGuaWiCPV7wKBgQDIOVBke4nQbZbGS/D9qwBX4//ML+QdWTTC\n"
	"qj88dzH0RHi2v3ioaVjumnBsCaZs1LHGYiBGZEq737Loexvi4MCHOAcMH1HFA4uz\n"
	"DGkiEt3HccBOZ006bUWwbfAcvsBRE0sgQehiWl+HZ7dt/l7rsYO0v2RqmakFko30\n"
	"pXH5JEimRwKBgEAsHPRdRCPq3Rdtht/NNOFXI84smd7ZSIQk9X9fVjQnApkRcLS2\n"
	"GOkyuz+hLxRvt1cYwZyIiuNUYzONRE2+zebJNJnjlUeh9+bVL38VqFH0IqS9oQr0\n"
	"vRRWI8atgYqXls1w3mGk2s3YgjZz48X9p8MylPYPyuJ2lVaQV++LfBWFAoGBAJVi\n"
	"LZjKkwfuu483GZYo/xiUA0VUdd1vsO2MF6IFTD/y1h2CvYLpFnDuyPHSQVjxV7Gr\n"
	"hGkAasHBJLpPH38mMH6yTo+8zkUvYAs2Nzo02UL0m4XjjLsKy/PWEk9gAhx7SJHI\n"
	"mpjG1H8x4qkuH6O5zYoNQd5GxtRhg4gD6AT6DToBAoGAT8a5SA+tJcTwHnX/9+Ud\n"
	"3HQW4SCV4tk8Knf3kWV5VCrXBrDcfxSbK03JlcD2oP9+X6eoB0e7cyK2hm09ULwm\n"
	"4KjTIplMtPelYHfgqT9BRXXmzTPj1UZx4Cg/Tl60WDa4aYNT95w/mL4HuclC1adC\n"
	"3SOxKMuIA5c7Kx1PGRQx8tM=\n"
	"-----END PRIVATE KEY-----\n";

static const char rsa_public[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsHx7Fb6kwe18nR3lPWB+\n"
	"Zu0fN0GAM/2tuuUnMuzx5qPTVARYxP2MmgG7quSVp5EpZpI+98b9U/0yYPPWKjY+\n"
	"2EC7cONO3G/bs3PIC00MRt5sOiOzN9z05PQ9F5Zo04GWJ+l+HTflEmKWbEF+3G93\n"
	"tG3c5JBSNUsQoxeVr7yFF0O66wlLBGey7ebLW81GvXUDk+F5ez6n5gL4SPTbaIsy\n"
	"MBms8oqy6LQfrNAqYa4aBg/VyLdi2aLXuh2Iy3jUcvQ+CFdmR29ZotL4gA9J4D2X\n"
	"VFwyH6wnqScS+4uS5BIg9pLhDZ6MZpQHkvpfgAoYqrEGlFJHUddyprDty3inxeFP\n"
	"SQIDAQAB\n"
	"-----END PUBLIC KEY-----\n";

static const char rsa_short[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBALWlA/2idChVIsvP\n"
	"+qbbrn3SyeO0ZmhL4dYaNPOxALtjA6TOQ/IfKr/l3nXiOdvHHKqj0cnl+nw7TCzV\n"
	"Xmj/XLsEpkHckvdW6SRIcQMGwcH0DVs5/2qwjLGAF5hKDOSgXHj/II3u9pYKu6tF\n"
	"wRAkHY3YbnWM9fnOH1UBTQxwsNjtAgMBAAECgYB7J6CnDMgYuHBZI2/cRcHuyUXc\n"
	"vulX+WrrEOWp++51HlLQIJFszbjcVuwXnQSBgGRtRZjtfKHyLPoew6O5KLojZNVI\n"
	"XOx4xwm1wvkaZ9heMe8P81RxW0caCKAt43611zCFFX5gfxpYXQ6DljhDsgm0+NN+\n"
	"7M/Hmp7jQjnN+gFneQJBAO3vkAT9PwQaI2MNb9bx9wOOAHaE9Dl7oFpG1RLnYWCl\n"
	"6s6tIsDyzI7+X3RzwgfbHZz5n+3n+35UtFdbVwhhkH8CQQDDb2WVaqlP7NTIfx4o\n"
	"HC0xHA1xp0JTkvdoVbhZ9APU0453Ofds9WAN1K79Qw/Z+Qth56vToPOdxjz2hJlT\n"
	"5SCTAkBuweRtniE2XKB6XGfiS7Ircm+evBcfpv+m5nALI6/9mF5sJMYXwS4dpiVz\n"
	"BOueUo4/YyfiS+mTDgUA4SDrYtcrAkEAhyx4dZU1kEt9jUOnBxUeCNafUdnfHVEM\n"
	"gISxor4NHFpLMpnMUfeRvV86vX9x6lDAF7KWfSTY+2qO5e8m4gkbswJBAID/yVuc\n"
	"mYyzUG2jVaoUEm9kJUeSy/VYunT5cjLc3kvY1HMeKnRfYe4BV+6hSoGj/h/vnpJi\n"
	"4ABW9K6vmBo7w5o=\n"
	"-----END PRIVATE KEY-----\n";

static const char ec_private[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MHcCAQEEILaIU76idf4rFR4BbzpuTe6gvWi+V006cQ4yZb/AJrOToAoGCCqGSM49\n"
	"AwEHoUQDQgAE23Q84GlUPhazKXtJGeeN/wawl4H8Ebrfba70kDzbL/ULLRQy83I+\n"
	"tQQpYjZMXd1dB5S9oBelV+LkZbK0lC5EXw==\n"
	"-----END EC PRIVATE KEY-----\n";

#define RSA_KID "WPGoYOMWf_8z6X12STcVy3Q8IGhJidEIpfalFboJurM"

/* {"aud":["a"],"exp":4102444800,"iss":"i","sub":"s"} */
static const char foreign_token[] =
	"eyJhbGciOiJSUzI1NiIsImtpZCI6IldQR29ZT01XZl84ejZYMTJTVGNWeTNROElHaEppZEVJcGZhbEZib0p1ck0ifQ.eyJhdWQiOlsiYSJdLCJ"
	"leHAiOjQxMDI0NDQ4MDAsImlzcyI6ImkiLCJzdWIiOiJzIn0.LCzpcW6qjNeHnYRFnKdqGbJZFGOhU-kgmkthOeGQUjEd7Yim6Bxs2vH_q67ZH"
	"oRZpAjzZ0RGvutXUvIwZJRPPS--rDNEb0fw2cg7GIlDjW6dWK8XrYFXiva5eXmUkgP_gH56Pr4EE-bCqXCJlVy_Z2QIW5SbNeQ3S8LnqLujLdM"
	"d5SMTNE6x3UifTeLDKWZb7r0zmrMVv2FEDtfj21EkL3XD98YBkI5qX0nv_5vvQoCkogmrWHIpz_N2bIpdQn1yQUbKoPvH1eBLiDWiEgl2RYAng"
	"VAy4MSBcEbQyYd2eTaMblx1wjKMa2FMb03nQAz4JC3vmU-r-i38DrR2EBb1hQ";

#endif
